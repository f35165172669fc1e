//! How latencies grow with the registry: one caller, at the first size and at the last.

use std::time::Duration;

use crate::cli::bench::{
    city::City,
    commands::change,
    figure::{Budget, Figure, Figures, Unit, ratio},
    load::{Answered, drive},
    reads::caller,
};

/// By how much a median may grow, in thousandths.
const BUDGET: Budget = Budget::AtMost(1_500);

/// How long to wait before the first look.
const REST: Duration = Duration::from_secs(5);

/// Latencies at each size.
#[derive(Debug, Default)]
pub(super) struct Growth(Vec<(u64, Answered, Answered)>);

impl Growth {
    /// Looks at the present size, warm.
    pub(super) async fn look(
        &mut self,
        city: &City,
        size: u64,
        span: Duration,
    ) -> anyhow::Result<()> {
        let callers = city.building_clients(1)?;
        // What was imported is still being written out, and a busy machine answers sooner than one
        // that must wake up.
        tokio::time::sleep(REST).await;
        // So that what is measured was read before.
        drive(1, span / 4, caller(&city.ids, &callers)).await?;
        let read = drive(1, span / 2, caller(&city.ids, &callers)).await?;
        drive(1, span / 4, change(&city.ids, &callers)).await?;
        let command = drive(1, span / 2, change(&city.ids, &callers)).await?;
        self.0.push((size, read, command));
        Ok(())
    }

    /// Tells them, and by how much the last exceed the first.
    pub(super) fn tell(&self, figures: &mut Figures) {
        for (size, read, command) in &self.0 {
            read.tell_latency("growth", &format!("GetBuilding of {size}"), figures);
            command.tell_latency("growth", &format!("ChangeBuilding of {size}"), figures);
        }
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return };
        if first.0 == last.0 {
            return;
        }
        let grown =
            |first: &Answered, last: &Answered| ratio(last.percentile(500), first.percentile(500));
        let pairs = [
            ("GetBuilding", grown(&first.1, &last.1)),
            ("ChangeBuilding", grown(&first.2, &last.2)),
        ];
        for (what, ratio) in pairs {
            let name = format!("{what} p50, {} : {} buildings", last.0, first.0);
            figures.add(Figure::new("growth", name, ratio, Unit::Thousandths).within(BUDGET));
        }
    }
}
