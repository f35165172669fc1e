//! What was measured: figures, their budgets, and how both are told.
//!
//! Whole numbers throughout: nanoseconds, bytes, thousandths. Only the text for people has a point.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{bench::machine::Machine, session::Output, table::Sheet};

/// Of what a figure is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// So many a second.
    PerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// A ratio, times a thousand.
    Thousandths,
    /// Bytes.
    Bytes,
    /// Just a number.
    Count,
}

impl Unit {
    fn show(self, value: u64) -> String {
        let point = |scale: u64| format!("{}.{:02}", value / scale, value % scale * 100 / scale);
        match self {
            Self::PerSecond => format!("{value}/s"),
            Self::Count => value.to_string(),
            Self::Thousandths => format!("{} ×", point(1_000)),
            Self::Bytes if value < 1 << 20 => format!("{value} B"),
            Self::Bytes => format!("{} MiB", point(1 << 20)),
            Self::Nanoseconds if value < 1_000_000 => format!("{} µs", point(1_000)),
            Self::Nanoseconds if value < 1_000_000_000 => format!("{} ms", point(1_000_000)),
            Self::Nanoseconds => format!("{} s", point(1_000_000_000)),
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Budget {
    /// No more than this.
    AtMost(u64),
    /// No less than this.
    AtLeast(u64),
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    work: &'static str,
    name: String,
    value: u64,
    unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
}

impl Figure {
    pub(super) fn new(work: &'static str, name: impl Into<String>, value: u64, unit: Unit) -> Self {
        Self { work, name: name.into(), value, unit, budget: None }
    }

    pub(super) fn within(self, budget: Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    fn is_met(&self) -> Option<bool> {
        self.budget.map(|budget| match budget {
            Budget::AtMost(most) => self.value <= most,
            Budget::AtLeast(least) => self.value >= least,
        })
    }

    fn cells(&self) -> [String; 5] {
        let budget = self.budget.map_or_else(String::new, |budget| match budget {
            Budget::AtMost(most) => format!("≤ {}", self.unit.show(most)),
            Budget::AtLeast(least) => format!("≥ {}", self.unit.show(least)),
        });
        let met = self.is_met().map_or("", |is_met| if is_met { "met" } else { "NOT MET" });
        let value = self.unit.show(self.value);
        [self.work.to_owned(), self.name.clone(), value, budget, met.to_owned()]
    }
}

/// All figures of a run, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    pub(super) fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    pub(super) fn add_all(&mut self, figures: Self) {
        self.0.extend(figures.0);
    }
}

/// `part` divided by `whole`, in thousandths; 0 of nothing.
pub(super) fn ratio(part: u64, whole: u64) -> u64 {
    part.saturating_mul(1_000).checked_div(whole).unwrap_or(0)
}

/// A run as it is told.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) figures: Figures,
}

impl Report {
    /// Writes it, for people or for programs.
    pub(super) fn tell(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        if out.is_json() {
            out.value(&self.json())?;
            return Ok(());
        }
        let mut head = Sheet::default();
        for (name, value) in self.machine.lines().into_iter().chain(self.settings.clone()) {
            head.row([name.to_owned(), value]);
        }
        out.sheet(&head)?;
        out.line("")?;
        let mut sheet = Sheet::new(["work", "figure", "value", "budget", ""]).numbers([2, 3]);
        for figure in &self.figures.0 {
            sheet.row(figure.cells());
        }
        out.sheet(&sheet)?;
        Ok(())
    }

    fn json(&self) -> Value {
        let figures = self.figures.0.iter().map(|figure| {
            let mut value = json!(figure);
            if let (Value::Object(fields), Some(is_met)) = (&mut value, figure.is_met()) {
                fields.insert("met".to_owned(), is_met.into());
            }
            value
        });
        let settings = self.settings.iter().map(|(name, value)| (*name, value));
        json!({
            "machine": self.machine,
            "settings": settings.collect::<std::collections::BTreeMap<_, _>>(),
            "figures": figures.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_shown_in_a_unit_that_people_read() {
        let shown = [
            (Unit::PerSecond, 45_000, "45000/s"),
            (Unit::Nanoseconds, 950, "0.95 µs"),
            (Unit::Nanoseconds, 1_234_567, "1.23 ms"),
            (Unit::Nanoseconds, 6_600_000_000, "6.60 s"),
            (Unit::Thousandths, 1_295, "1.29 ×"),
            (Unit::Bytes, 4_096, "4096 B"),
            (Unit::Bytes, 3 << 19, "1.50 MiB"),
        ];
        for (unit, value, text) in shown {
            assert_eq!(unit.show(value), text);
        }
    }

    #[test]
    fn a_budget_is_met_at_its_edge() {
        let figure = |value| Figure::new("w", "f", value, Unit::Count);
        let met = |value, budget| figure(value).within(budget).is_met();
        assert_eq!(figure(1).is_met(), None);
        assert_eq!(met(10, Budget::AtMost(10)), Some(true));
        assert_eq!(met(11, Budget::AtMost(10)), Some(false));
        assert_eq!(met(10, Budget::AtLeast(10)), Some(true));
        assert_eq!(met(9, Budget::AtLeast(10)), Some(false));
        assert_eq!([ratio(7, 10), ratio(1, 0)], [700, 0]);
    }
}
