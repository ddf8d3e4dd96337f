//! A reader of the text format, written from the format's description and not from the writer. It is
//! stricter than Prometheus: whatever it takes, Prometheus takes.

use std::collections::{BTreeMap, BTreeSet};
use std::str::Chars;

/// Labels of a series, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// A page of metrics.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// In the order of the page.
    pub(crate) families: Vec<Family>,
}

/// A family: its `# HELP`, its `# TYPE` and its series.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) series: Vec<Series>,
}

/// A line with a value.
#[derive(Debug)]
pub(crate) struct Series {
    /// With the suffix that a histogram's series have.
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

impl Exposition {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// The first line that breaks the format, and how.
    pub(crate) fn parse(page: &str) -> Result<Self, String> {
        if !page.is_empty() && !page.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let mut exposition = Self::default();
        for line in page.split_terminator('\n') {
            exposition.take(line).map_err(|wrong| format!("{wrong}: {line}"))?;
        }
        exposition.families.iter().try_for_each(Family::check)?;
        exposition.check_uniqueness()?;
        Ok(exposition)
    }

    /// The family of this name.
    pub(crate) fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The value of the one series that `selector` means, written as a series that may leave out labels.
    pub(crate) fn value(&self, selector: &str) -> Option<f64> {
        let (name, wanted, rest) = series(selector).unwrap_or_else(|wrong| panic!("{wrong}: {selector}"));
        assert_eq!(rest, "", "{selector}");
        let mut found = self.series().filter(|series| {
            series.name == name && wanted.iter().all(|(label, value)| series.labels.get(label) == Some(value))
        });
        let value = found.next().map(|series| series.value);
        assert!(found.next().is_none(), "{selector} means several series");
        value
    }

    /// Every series.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        self.families.iter().flat_map(|family| &family.series)
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("no help")?;
            let family = Family {
                name: name.to_owned(),
                help: unescape(help, false)?,
                kind: String::new(),
                series: Vec::new(),
            };
            self.families.push(family);
            return is_name(name).then_some(()).ok_or_else(|| "no metric's name".to_owned());
        }
        let family = self.families.last_mut().ok_or("a line before the first HELP")?;
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("no type")?;
            let is_due = name == family.name && family.kind.is_empty() && family.series.is_empty();
            family.kind = kind.to_owned();
            return is_due.then_some(()).ok_or_else(|| "a TYPE that does not follow its HELP".to_owned());
        }
        let (name, labels, rest) = series(line)?;
        if !family.allowed_names().contains(&name) {
            return Err(format!("a series inside {}", family.name));
        }
        let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
        if value.contains(' ') {
            return Err("more than a value".to_owned());
        }
        let value = value.parse().map_err(|_| "no number")?;
        family.series.push(Series { name, labels, value });
        Ok(())
    }

    fn check_uniqueness(&self) -> Result<(), String> {
        let (mut names, mut series) = (BTreeSet::new(), BTreeSet::new());
        if let Some(twice) = self.families.iter().find(|family| !names.insert(&family.name)) {
            return Err(format!("{} is there twice", twice.name));
        }
        match self.series().find(|one| !series.insert((&one.name, &one.labels))) {
            Some(twice) => Err(format!("a series is there twice: {twice:?}")),
            None => Ok(()),
        }
    }
}

impl Family {
    fn allowed_names(&self) -> Vec<String> {
        match self.kind.as_str() {
            "gauge" | "counter" => vec![self.name.clone()],
            "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| self.name.clone() + suffix).into(),
            _ => Vec::new(),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.kind.as_str() {
            "gauge" => Ok(()),
            "counter" if self.series.iter().all(|series| series.value >= 0.0) => Ok(()),
            "histogram" => self.check_histogram(),
            kind => Err(format!("{} of type {kind:?} is broken", self.name)),
        }
    }

    /// Buckets rise with their bounds, and the last one, `+Inf`, is the count.
    fn check_histogram(&self) -> Result<(), String> {
        let mut last: BTreeMap<Labels, (f64, f64)> = BTreeMap::new();
        for Series { name, labels, value } in &self.series {
            let mut key = labels.clone();
            let bound = key.remove("le").map(|le| if le == "+Inf" { Ok(f64::INFINITY) } else { le.parse() });
            let wrong = || format!("{name}{labels:?} breaks its histogram");
            if let Some(bound) = bound {
                let bound = bound.map_err(|_| wrong())?;
                let (below, count) = last.insert(key, (bound, *value)).unwrap_or((f64::NEG_INFINITY, 0.0));
                if bound <= below || *value < count {
                    return Err(wrong());
                }
            } else if name.ends_with("_count") && last.remove(&key) != Some((f64::INFINITY, *value)) {
                return Err(wrong());
            }
        }
        if last.is_empty() { Ok(()) } else { Err(format!("{} has buckets without a count", self.name)) }
    }
}

/// A series' name and labels, and what follows them.
fn series(line: &str) -> Result<(String, Labels, &str), String> {
    let end = line.find(['{', ' ']).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err("no metric's name".to_owned());
    }
    let mut labels = Labels::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").ok_or("no label")?;
            let end = closing_quote(after).ok_or("a label's value without an end")?;
            if !is_name(label) || label.contains(':') {
                return Err(format!("no label's name: {label:?}"));
            }
            if labels.insert(label.to_owned(), unescape(&after[..end], true)?).is_some() {
                return Err(format!("the label {label} is there twice"));
            }
            inside = &after[end + 1..];
            match inside.strip_prefix(',') {
                Some(next) => inside = next,
                None => break,
            }
        }
        rest = inside.strip_prefix('}').ok_or("labels without an end")?;
    }
    Ok((name.to_owned(), labels, rest))
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | ':'))
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Where the quote is that ends a label's value.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

/// The text that stands behind its escapes: `\\`, `\n`, and in a label's value `\"`.
fn unescape(text: &str, is_label: bool) -> Result<String, String> {
    fn next(chars: &mut Chars<'_>, is_label: bool) -> Option<Result<char, String>> {
        let c = chars.next()?;
        if c != '\\' {
            return Some(Ok(c));
        }
        Some(match chars.next() {
            Some('\\') => Ok('\\'),
            Some('n') => Ok('\n'),
            Some('"') if is_label => Ok('"'),
            other => Err(format!("no escape: {other:?}")),
        })
    }
    let mut chars = text.chars();
    std::iter::from_fn(|| next(&mut chars, is_label)).collect()
}
