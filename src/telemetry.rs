//! Logs: JSON for machines, text for a terminal.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt};

use crate::cli::LogFormat;

/// Starts logging to standard error.
pub fn start(filter: &str, format: Option<LogFormat>) -> Result<(), String> {
    let filter = EnvFilter::try_new(directives(filter)).map_err(|error| format!("--log: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(terminal).try_init(),
    }
    .map_err(|error| format!("starting the log: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, error = panicked(panic.payload()), "a defect: panicked");
    }));
    Ok(())
}

/// What is to be logged of which part. A level alone speaks of the operator itself: what its libraries say of each
/// connection at `debug` buries what it says.
fn directives(filter: &str) -> String {
    match filter.trim().parse::<LevelFilter>() {
        Ok(level) if level > LevelFilter::INFO => format!("info,eni_operator={level}"),
        Ok(_) | Err(_) => filter.to_owned(),
    }
}

/// What a panic says.
#[must_use]
pub fn panicked(payload: &(dyn std::any::Any + Send)) -> &str {
    let said = payload.downcast_ref::<&str>().copied();
    said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn a_level_alone_speaks_of_the_operator_and_a_filter_of_what_it_names() {
        for (given, used) in [
            ("info", "info"),
            ("debug", "info,eni_operator=debug"),
            ("TRACE", "info,eni_operator=trace"),
            ("warn", "warn"),
            ("kube=debug", "kube=debug"),
            ("debug,hyper=info", "debug,hyper=info"),
        ] {
            assert_eq!(directives(given), used, "{given}");
        }
    }
}
