//! Events as lines for people.

use std::fmt::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::LINE_MAX;
use crate::escape::Escaping;

/// `2026-11-22T15:26:08.123456Z  INFO cpumon_agent::link: connected exporter=127.0.0.1:8080`
pub(super) struct Plain {
    pub(super) colour: bool,
}

impl<S, N> FormatEvent<S, N> for Plain
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
        SystemTime.format_time(&mut line)?;
        let level = event.metadata().level();
        if self.colour {
            // The only bytes of a line that are ours: all that follows passes the escaping.
            write!(line, " \u{1b}[{}m{level:>5}\u{1b}[0m ", colour_of(*level))?;
        } else {
            write!(line, " {level:>5} ")?;
        }

        let mut escaped = Escaping::new(&mut line, LINE_MAX);
        write!(escaped, "{}: ", event.metadata().target())?;
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            write!(escaped, "{}", span.name())?;
            if let Some(fields) =
                span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty())
            {
                write!(escaped, "{{{fields}}}")?;
            }
            write!(escaped, ": ")?;
        }
        ctx.format_fields(Writer::new(&mut escaped), event)?;
        writeln!(line)
    }
}

/// The colour of a level, as the parameter of an ANSI sequence.
const fn colour_of(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}
