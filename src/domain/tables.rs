//! The reference data that holds in a partition: every edition loaded, read once.
//!
//! Which edition speaks of a day is decided by the editions' own days, never by the order in which
//! they were loaded. Of days before the first edition, the first speaks: a late paper of an earlier
//! year is read by the oldest words that there are.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        cycle::{self, CycleRuleSet},
        finding,
        grade::{self, ColourMapping},
        product::{Product, Products},
        reference_file::{Edition, Table},
    },
    kernel::{
        id::{ReferenceId, RegionId},
        time::Day,
        violation::Violations,
    },
};

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Check-up cycles.
    Cycle(CycleRuleSet),
    /// Classes of findings, deadlines, escalation.
    Findings(finding::catalogue::Catalogue),
    /// Scales of grades.
    Grades(grade::Catalogue),
    /// Colours of grades.
    Colours(ColourMapping),
    /// Insurance products.
    Products(Products),
    /// Something that is asked for elsewhere.
    Other,
}

impl Parsed {
    /// Reads a file of a table. A mapping of colours names grades of one of `grades`.
    pub fn read(
        table: Table,
        text: &str,
        grades: &[&grade::Catalogue],
    ) -> Result<Self, Violations> {
        match table {
            Table::Cycle => cycle::read::rule_set(text).map(Self::Cycle),
            Table::Findings => finding::catalogue::Catalogue::read(text).map(Self::Findings),
            Table::Grades => grade::Catalogue::read(text).map(Self::Grades),
            Table::Colours => read_colours(text, grades).map(Self::Colours),
            Table::Products => Products::read(text).map(Self::Products),
            Table::HouseCodeCheck => Ok(Self::Other),
        }
    }
}

/// With the catalogue that has most of what the mapping names.
fn read_colours(text: &str, grades: &[&grade::Catalogue]) -> Result<ColourMapping, Violations> {
    let mut fewest: Option<Violations> = None;
    for catalogue in grades {
        match ColourMapping::read(text, catalogue) {
            Ok(mapping) => return Ok(mapping),
            Err(found) => {
                let is_fewer =
                    fewest.as_ref().is_none_or(|known| found.list().len() < known.list().len());
                if is_fewer {
                    fewest = Some(found);
                }
            }
        }
    }
    Err(fewest.unwrap_or_else(|| {
        let mut violations = Violations::default();
        violations.add("", "GRADES_MISSING", "load the scales of grades that it names first");
        violations
    }))
}

/// An edition as it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its id.
    pub id: ReferenceId,
    /// The region in and below which it holds.
    pub region: RegionId,
    /// What it says.
    pub parsed: Arc<Parsed>,
}

/// All editions of a partition.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    editions: Vec<Loaded>,
}

impl Tables {
    /// Puts editions together, in any order.
    pub fn new(mut editions: Vec<Loaded>) -> Self {
        editions.sort_by_key(|edition| edition.id);
        Self { editions }
    }

    /// Whether nothing was loaded.
    pub fn is_empty(&self) -> bool {
        self.editions.is_empty()
    }

    /// An edition.
    pub fn edition(&self, id: ReferenceId) -> Option<&Loaded> {
        self.editions.iter().find(|loaded| loaded.id == id)
    }

    /// Whether there is any rule of check-up cycles.
    pub fn has_cycles(&self) -> bool {
        self.cycles().next().is_some()
    }

    /// The rule sets, each with the region in and below which it holds.
    pub fn cycles(&self) -> impl Iterator<Item = (RegionId, &CycleRuleSet)> {
        self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Cycle(set) => Some((loaded.region, set)),
            _ => None,
        })
    }

    /// The edition that a rule set is of.
    pub fn cycle_id(&self, set: &CycleRuleSet) -> Option<ReferenceId> {
        let mut editions = self.editions.iter();
        let is_it = |loaded: &&Loaded| match loaded.parsed.as_ref() {
            Parsed::Cycle(other) => std::ptr::eq(other, set),
            _ => false,
        };
        editions.find(is_it).map(|loaded| loaded.id)
    }

    /// Every catalogue of findings.
    pub fn findings(&self) -> impl Iterator<Item = &finding::catalogue::Catalogue> {
        self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Findings(catalogue) => Some(catalogue),
            _ => None,
        })
    }

    /// The catalogue of findings that speaks of a day.
    pub fn findings_on(&self, day: Day) -> Option<&finding::catalogue::Catalogue> {
        self.findings_by(day).map(|(_, catalogue)| catalogue)
    }

    /// The same with the edition that it is of.
    pub fn findings_by(&self, day: Day) -> Option<(ReferenceId, &finding::catalogue::Catalogue)> {
        let all = self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Findings(catalogue) => Some((&catalogue.edition, (loaded.id, catalogue))),
            _ => None,
        });
        speaking(all.collect(), day)
    }

    /// The scales of grades that speak of a day.
    pub fn grades_on(&self, day: Day) -> Option<&grade::Catalogue> {
        self.grades_by(day).map(|(_, catalogue)| catalogue)
    }

    /// The same with the edition that they are of.
    pub fn grades_by(&self, day: Day) -> Option<(ReferenceId, &grade::Catalogue)> {
        let all = self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Grades(catalogue) => Some((&catalogue.edition, (loaded.id, catalogue))),
            _ => None,
        });
        speaking(all.collect(), day)
    }

    /// The mapping of colours that holds on a day, and only on its own days: colours are a city's
    /// word, and of a day on which it had none there is none.
    pub fn colours_on(&self, day: Day) -> Option<&ColourMapping> {
        let all = self.mappings().filter(|mapping| mapping.edition.holds_on(day));
        speaking(all.map(|mapping| (&mapping.edition, mapping)).collect(), day)
    }

    /// The version of an insurance product, with the edition that has it: of several the newest. A
    /// policy holds by its clause for as long as it runs, so no day is asked.
    pub fn product(&self, code: &str, clause: &str) -> Option<(ReferenceId, &Product)> {
        let found = self.product_on(code, Some(clause), Day::MAX);
        found.map(|(id, _, product)| (id, product))
    }

    /// Every list of insurance products.
    pub fn products(&self) -> impl Iterator<Item = (ReferenceId, &Products)> {
        self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Products(products) => Some((loaded.id, products)),
            _ => None,
        })
    }

    /// The versions of products by which policies may be written on a day, by code and clause, each
    /// with the list that has it: of several the one that speaks that day.
    pub fn products_on(&self, day: Day) -> Vec<(ReferenceId, &Products, &Product)> {
        let mut found = BTreeMap::<_, Vec<_>>::new();
        for (id, list) in self.products().filter(|(_, list)| list.edition.holds_on(day)) {
            for product in list.products() {
                let key = (product.name.code.as_str(), product.clause.as_str());
                found.entry(key).or_default().push((&list.edition, (id, list, product)));
            }
        }
        found.into_values().filter_map(|all| speaking(all, day)).collect()
    }

    /// A product with a version of its clause, and the list that has it: with the clause that is
    /// named, whenever policies could be written by it, or else by which they may be written on a
    /// day.
    pub fn product_on(
        &self,
        code: &str,
        clause: Option<&str>,
        day: Day,
    ) -> Option<(ReferenceId, &Products, &Product)> {
        let all = self.products().flat_map(|(id, list)| {
            let products = list.products().iter().filter(|product| product.name.code == code);
            products.map(move |product| (&list.edition, (id, list, product)))
        });
        match clause {
            Some(clause) => {
                let named = all.filter(|(_, (.., product))| product.clause == clause);
                speaking(named.collect(), Day::MAX)
            }
            None => speaking(all.filter(|(edition, _)| edition.holds_on(day)).collect(), day),
        }
    }

    /// Every product and version of its clause that some list has.
    pub fn clauses(&self) -> impl Iterator<Item = (&str, &str)> {
        let products = self.products().flat_map(|(_, products)| products.products());
        products.map(|product| (product.name.code.as_str(), product.clause.as_str()))
    }

    /// The days on which another mapping of colours may begin to hold.
    pub fn colour_turns(&self) -> Vec<Day> {
        let mut days = Vec::new();
        for mapping in self.mappings() {
            days.push(mapping.edition.from);
            days.extend(mapping.edition.until.map(Day::next));
        }
        days.sort_unstable();
        days.dedup();
        days
    }

    fn mappings(&self) -> impl Iterator<Item = &ColourMapping> {
        self.editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
            Parsed::Colours(mapping) => Some(mapping),
            _ => None,
        })
    }
}

/// Of those that hold on the day the one that began last; of a day before all, the first.
fn speaking<T: Copy>(all: Vec<(&Edition, T)>, day: Day) -> Option<T> {
    fn key(edition: &Edition) -> impl Ord + '_ {
        (std::cmp::Reverse(edition.standing), edition.from, edition.in_order())
    }
    let holding = all.iter().filter(|(edition, _)| edition.holds_on(day));
    let newest = holding.max_by_key(|(edition, _)| key(edition));
    newest
        .or_else(|| {
            all.iter().filter(|(edition, _)| edition.from <= day).max_by_key(|it| it.0.from)
        })
        .or_else(|| all.iter().min_by_key(|(edition, _)| (edition.from, edition.in_order())))
        .map(|(_, table)| *table)
}
