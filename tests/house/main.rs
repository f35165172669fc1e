//! What the house holds itself to: its floors, its formats, and pages that say what the code says.

mod checkups;
mod floors;
mod formats;
mod insurance;
mod reasons;
mod settings;
