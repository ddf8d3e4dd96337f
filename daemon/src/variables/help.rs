//! The table as a user reads it: in the terminal and in the documentation.

use std::fmt::Write;

use super::table::{Table, Variable};

/// The variables for `--help`: each with its default, and what it means below.
pub fn help(table: &Table) -> String {
    let mut text = String::new();
    for group in table.groups {
        // Writing to a `String` cannot fail, here and below.
        let _ = writeln!(text, "\n{}", group.heading);
        for variable in group.variables {
            let _ = writeln!(text, "  {}={}", variable.name, variable.default);
            for line in wrapped(&explained(variable)) {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}

/// The variables as Markdown, one heading of level 3 and one table for each group. A test in each program
/// holds the documentation against it.
pub fn markdown(table: &Table) -> String {
    let mut text = String::new();
    for group in table.groups {
        let separator = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(
            text,
            "{separator}### {}\n\n| variable | default | meaning |\n|---|---|---|",
            group.heading
        );
        for variable in group.variables {
            let default = match variable.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let cells =
                format!("`{}` | {default} | {}", variable.name, explained(variable).replace('|', "\\|"));
            let _ = writeln!(text, "| {cells} |");
        }
    }
    text
}

/// `text` in lines that fit a terminal when indented.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 90;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The meaning with what bounds it.
fn explained(variable: &Variable) -> String {
    let limits = variable.limits.to_string();
    let secret = if variable.secret { "never shown" } else { "" };
    let remarks: Vec<&str> =
        [limits.as_str(), secret].into_iter().filter(|remark| !remark.is_empty()).collect();
    if remarks.is_empty() {
        variable.meaning.to_owned()
    } else {
        format!("{} ({})", variable.meaning, remarks.join(", "))
    }
}
