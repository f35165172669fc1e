//! What is wrong with an input: every violation at once, each with its field and a stable reason.

use std::fmt;

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The path of the field in the request, for example `building.floor_area_cm2`.
    pub field: String,
    /// The stable reason, for example `NEGATIVE`; listed in `docs/reasons.md`.
    pub reason: &'static str,
    /// One English sentence for the person who has to mend it.
    pub message: String,
}

/// All violations of one input. An input with at least one is not acted on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes a violation.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(Violation { field: field.into(), reason, message: message.into() });
    }

    /// Passes a value on, or notes why it cannot be.
    pub fn take<T>(&mut self, field: &str, value: Result<T, (&'static str, String)>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err((reason, message)) => {
                self.add(field, reason, message);
                None
            }
        }
    }

    /// Takes over what was found in a nested message, below `prefix`.
    pub fn absorb(&mut self, prefix: &str, nested: Self) {
        for mut violation in nested.0 {
            violation.field = if violation.field.is_empty() {
                prefix.to_owned()
            } else {
                format!("{prefix}.{}", violation.field)
            };
            self.0.push(violation);
        }
    }

    /// Takes over what was found in the same message elsewhere.
    pub fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations in the order in which they were found.
    pub fn list(&self) -> &[Violation] {
        &self.0
    }

    /// `Ok(value)` when nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.field, violation.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
