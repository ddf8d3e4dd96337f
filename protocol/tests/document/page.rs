//! The page, taken apart.

/// The whole page.
pub(crate) const PAGE: &str = include_str!("../../../docs/protocol.md");

/// A fenced block: what stands behind its fence, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) info: Vec<&'static str>,
    pub(crate) text: String,
}

/// All fenced blocks.
pub(crate) fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { info: info.split_whitespace().collect(), text: text.join("\n") });
        }
    }
    blocks
}

/// The texts of the JSON blocks with this information.
pub(crate) fn examples(info: &[&str]) -> Vec<String> {
    let found = |block: &Block| block.info[0] == "json" && block.info[1..].starts_with(info);
    blocks().into_iter().filter(found).map(|block| block.text).collect()
}

/// The rows of the table under a heading, each in cells without code marks.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    let lines = PAGE.lines().skip_while(|line| *line != heading).skip(1);
    let section = lines.take_while(|line| !line.starts_with('#'));
    let mut rows = section.skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut table = Vec::new();
    for row in rows.by_ref().take_while(|line| line.starts_with('|')) {
        // A bar at either end, and cells between them.
        let cells = row.trim_matches('|').split('|');
        table.push(cells.map(|cell| cell.trim().replace('`', "")).collect());
    }
    assert!(!table.is_empty(), "there is no table under {heading:?}");
    table
}

/// A row of a frame's table.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its path: `cores[].cpu_us.user`.
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) range: String,
}

/// The fields of a frame or dialect.
pub(crate) fn fields(heading: &str) -> Vec<Field> {
    table(heading)
        .into_iter()
        .map(|row| {
            let [path, kind, required, range, _, _] = &row[..] else { panic!("not six cells: {row:?}") };
            assert!(required.starts_with("yes") || required.starts_with("no"), "{row:?}");
            Field {
                path: path.clone(),
                kind: kind.clone(),
                required: required.starts_with("yes"),
                range: range.clone(),
            }
        })
        .collect()
}
