//! Events as JSON objects, one a line.

use std::fmt::{self, Debug};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::LINE_MAX;
use crate::escape::is_unsafe;

/// `{"timestamp":"...","level":"INFO","target":"...","message":"...","fields":{"exporter":"127.0.0.1:8080"}}`,
/// and `spans` from the outermost in, where there are any.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(line, "{{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        write!(line, "\",\"level\":\"{}\",\"target\":", event.metadata().level())?;
        string(&mut line, event.metadata().target())?;

        let mut message = Message(None);
        event.record(&mut message);
        if let Some(message) = message.0 {
            write!(line, ",\"message\":")?;
            string(&mut line, &message)?;
        }
        write!(line, ",\"fields\":{{")?;
        let mut fields = Fields { line: &mut line, written: 0, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        write!(line, "}}")?;
        spans(ctx, &mut line)?;
        writeln!(line, "}}")
    }
}

fn spans<S, N>(ctx: &FmtContext<'_, S, N>, line: &mut Writer<'_>) -> fmt::Result
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    for (index, span) in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()).enumerate() {
        write!(line, "{}", if index == 0 { ",\"spans\":[" } else { "," })?;
        match span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
            Some(fields) => string(line, &format!("{}{{{fields}}}", span.name()))?,
            None => string(line, span.name())?,
        }
    }
    if ctx.event_scope().is_some() { write!(line, "]") } else { Ok(()) }
}

/// The name under which tracing hands over an event's own text.
const MESSAGE: &str = "message";

/// Takes the message out of an event's fields.
struct Message(Option<String>);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == MESSAGE {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// Writes the fields of an event but its message, as members of an object.
struct Fields<'a, 'w> {
    line: &'a mut Writer<'w>,
    written: usize,
    result: fmt::Result,
}

impl Fields<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if field.name() == MESSAGE || self.result.is_err() {
            return;
        }
        let separator = if self.written == 0 { "" } else { "," };
        self.written += 1;
        self.result = write!(self.line, "{separator}")
            .and_then(|()| string(self.line, field.name()))
            .and_then(|()| write!(self.line, ":"))
            .and_then(|()| value(self.line));
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |line| string(line, &format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |line| string(line, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |line| {
            if value.is_finite() { write!(line, "{value}") } else { write!(line, "\"{value}\"") }
        });
    }
}

/// Writes `text`, cut at [`LINE_MAX`], as a JSON string in which nothing unsafe stands raw.
fn string(line: &mut Writer<'_>, text: &str) -> fmt::Result {
    line.write_char('"')?;
    for (at, character) in text.char_indices() {
        if at >= LINE_MAX {
            line.write_char('…')?;
            break;
        }
        match character {
            '"' | '\\' => write!(line, "\\{character}")?,
            // All of them are in the first plane, so four digits do.
            _ if is_unsafe(character) => write!(line, "\\u{:04x}", u32::from(character))?,
            _ => line.write_char(character)?,
        }
    }
    line.write_char('"')
}
