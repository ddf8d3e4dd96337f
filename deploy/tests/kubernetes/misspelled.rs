//! No field of any manifest can be misspelled without a complaint: each is, once.

use std::fs;

use cpumon_deploy::manifest;
use serde_json::Value;

use super::top;

/// Fields whose content is the user's: any name is a good one there.
const FREE: [&str; 9] = [
    "labels",
    "matchLabels",
    "annotations",
    "nodeSelector",
    "requests",
    "limits",
    "pairs",
    "data",
    // Of a service; elsewhere it has fields of its own, see `is_free`.
    "selector",
];

fn is_free(field: &str, content: &Value) -> bool {
    FREE.contains(&field) && content.get("matchLabels").is_none()
}

/// The paths of all fields below a value, as JSON pointers.
fn fields(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (field, content) in object {
                let path = format!("{at}/{}", field.replace('~', "~0").replace('/', "~1"));
                found.push(path.clone());
                if !is_free(field, content) {
                    fields(content, &path, found);
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| fields(item, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// The document with one field under a name that nothing has.
fn misspelled(document: &Value, path: &str) -> Value {
    let mut document = document.clone();
    let (parent, field) = path.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let content = parent.remove(field).unwrap();
    parent.insert(format!("{field}Misspelled"), content);
    document
}

#[test]
fn a_misspelled_field_is_refused_wherever_it_stands() {
    let mut tried = 0;
    for folder in ["base", "prometheus-operator"] {
        for entry in fs::read_dir(top().join("deploy/kubernetes").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            for document in manifest::documents(&text).unwrap() {
                assert!(manifest::object(document.clone()).is_ok(), "{}", path.display());
                let mut found = Vec::new();
                fields(&document, "", &mut found);
                for field in found {
                    let answer = manifest::object(misspelled(&document, &field));
                    assert!(answer.is_err(), "{}: {field} may be misspelled", path.display());
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
}
