//! A rebuild of the state from the journal, nothing else at work.

use std::time::Instant;

use crate::{
    cli::{
        bench::{
            figure::{Budget, Figure, Figures, Unit},
            load::nanoseconds,
            machine::processor_time,
        },
        offline::{open_store, rate},
    },
    config::Config,
    registry,
};

/// Throws the state of a data directory away and computes it again.
pub(super) fn rebuild(config: &Config) -> anyhow::Result<Figures> {
    let (store, _) = open_store(config, "the benchmark's own server still has it")?;
    let mut entries = 0;
    let (begin, worked) = (Instant::now(), processor_time());
    registry::rebuild(&store, &mut |_, total| entries = total)?;
    let took = begin.elapsed();
    let processor = processor_time().saturating_sub(worked);
    store.close()?;
    let figure = |name: &str, value, unit| Figure::new("rebuild", name, value, unit);
    let mut figures = Figures::default();
    figures.add(figure("entries", entries, Unit::Count));
    figures.add(figure("time", nanoseconds(took), Unit::Nanoseconds));
    figures.add(figure("processor time", nanoseconds(processor), Unit::Nanoseconds));
    figures.add(
        figure("entries replayed", rate(entries, took), Unit::PerSecond)
            .within(Budget::AtLeast(20_000)),
    );
    Ok(figures)
}
