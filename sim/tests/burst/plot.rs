//! The picture of a burst: the truth, and what each metric shows of it.

use std::fmt::Write as _;

use super::{BURST_AT, BURST_FOR, SCRAPE_INTERVAL, Scrape, busy};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const ROW: f64 = 92.0;
const BAR: f64 = 56.0;
/// The seconds that are shown.
const SHOWN: (u64, u64) = (60, 180);

const GREY: &str = "#9aa0a6";
const BLUE: &str = "#1f6fd6";
const ORANGE: &str = "#d9730d";
const GREEN: &str = "#2f8f4e";

/// What `scrapes` saw of the burst, as SVG.
pub(super) fn svg(scrapes: &[Scrape]) -> String {
    let shown: Vec<Scrape> =
        scrapes.iter().copied().filter(|scrape| (SHOWN.0..=SHOWN.1).contains(&scrape.at)).collect();
    let mut picture = String::new();
    let height = ROW * 4.0 + 40.0;
    // Writing to a String cannot fail.
    let _ = writeln!(
        picture,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    row(&mut picture, 0, "every second", "what the agent measures");
    bars(&mut picture, 0, GREY, (SHOWN.0..=SHOWN.1).map(|second| (second - 1, second, busy(second))));
    row(&mut picture, 1, "the gauge", "cpumon_utilization_ratio");
    bars(&mut picture, 1, BLUE, held(&shown, |scrape| scrape.gauge));
    row(&mut picture, 2, "the maximum", "..._max_ratio{60s}");
    bars(&mut picture, 2, ORANGE, held(&shown, |scrape| scrape.max));
    row(&mut picture, 3, "the histogram", "seconds above 95 %");
    let growth = shown
        .windows(2)
        .map(|pair| (pair[0].at, pair[1].at, (pair[1].above - pair[0].above) as f64 / BURST_FOR as f64));
    bars(&mut picture, 3, GREEN, growth);
    scrape_marks(&mut picture, &shown);
    picture.push_str("</svg>\n");
    picture
}

/// Prometheus shows a scraped value until the next scrape.
fn held(scrapes: &[Scrape], value: fn(&Scrape) -> f64) -> impl Iterator<Item = (u64, u64, f64)> {
    scrapes.iter().map(move |scrape| (scrape.at, (scrape.at + SCRAPE_INTERVAL).min(SHOWN.1), value(scrape)))
}

fn x(second: u64) -> f64 {
    LEFT + (WIDTH - LEFT - 20.0) * (second - SHOWN.0) as f64 / (SHOWN.1 - SHOWN.0) as f64
}

fn base(row: u32) -> f64 {
    f64::from(row) * ROW + 20.0 + BAR
}

fn row(picture: &mut String, row: u32, title: &str, detail: &str) {
    let base = base(row);
    let (title_y, detail_y) = (base - BAR / 2.0 - 4.0, base - BAR / 2.0 + 12.0);
    let _ = writeln!(
        picture,
        "<text x=\"8\" y=\"{title_y}\" font-weight=\"bold\" fill=\"#202124\">{title}</text>\
         <text x=\"8\" y=\"{detail_y}\" font-size=\"10\" fill=\"#5f6368\">{detail}</text>\
         <line x1=\"{LEFT}\" x2=\"{}\" y1=\"{base}\" y2=\"{base}\" stroke=\"#dadce0\"/>",
        WIDTH - 20.0
    );
}

fn bars(picture: &mut String, row: u32, colour: &str, bars: impl Iterator<Item = (u64, u64, f64)>) {
    let base = base(row);
    for (from, to, value) in bars.filter(|&(from, to, value)| from >= SHOWN.0 && to > from && value > 0.0) {
        let (left, width, height) = (x(from), x(to) - x(from), BAR * value);
        let _ = writeln!(
            picture,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>",
            base - height
        );
    }
}

fn scrape_marks(picture: &mut String, scrapes: &[Scrape]) {
    let bottom = base(3) + 12.0;
    for scrape in scrapes {
        let x = x(scrape.at);
        let _ = writeln!(
            picture,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"14\" y2=\"{bottom}\" stroke=\"#5f6368\" stroke-dasharray=\"2 3\" stroke-width=\"0.7\"/>"
        );
    }
    let _ = writeln!(
        picture,
        "<text x=\"{LEFT}\" y=\"{}\" font-size=\"10\" fill=\"#5f6368\">dashed: Prometheus scrapes, every {SCRAPE_INTERVAL} s; \
         the burst lasts from second {BURST_AT} to {}</text>",
        bottom + 18.0,
        BURST_AT + BURST_FOR
    );
}
