//! Insurance products: by which clauses policies may be written on a day, and what each answers for.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        product::{Line, Named, Product, Products},
        reference_file::Edition,
        tables::Tables,
    },
    kernel::{
        id::ReferenceId,
        page::{Page, PageRequest},
        position::{Partition, Position},
        time::{Day, ReadTime},
    },
    registry::{
        engine::Registry,
        error::{Class, Error, Refusal},
        reference,
        state::{Durable, State},
    },
};

/// Between a code and a clause in what a page goes on after: in neither of them.
const BETWEEN: u8 = b' ';

/// A product with a version of its clause, as a list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductSeen {
    /// The edition of the list.
    pub reference: ReferenceId,
    /// What the edition says of itself.
    pub edition: Edition,
    /// The product.
    pub product: Product,
    /// The parts of a building and the causes that its covers name.
    pub words: Vec<Named>,
}

impl ProductSeen {
    fn of((reference, list, product): (ReferenceId, &Products, &Product)) -> Self {
        let codes =
            product.covers.values().flat_map(|cover| cover.parts.iter().chain(&cover.causes));
        let mut words = codes.filter_map(|code| list.word(code)).cloned().collect::<Vec<_>>();
        words.sort_by(|one, other| one.code.cmp(&other.code));
        words.dedup();
        Self { reference, edition: list.edition.clone(), product: product.clone(), words }
    }
}

impl Registry {
    /// The clauses by which policies may be written on the day of a read, in the order of product and
    /// clause; those of one kind when it is named.
    pub fn products(
        &self,
        partition: Partition,
        line: Option<Line>,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<(Page<ProductSeen>, Position), Error> {
        let (day, tables, position) = self.products_at(partition, time)?;
        let place = |product: &Product| {
            [product.name.code.as_bytes(), &[BETWEEN], product.clause.as_bytes()].concat()
        };
        let found = tables.products_on(day).into_iter();
        let found = found.filter(|(.., product)| line.is_none_or(|line| product.line == line));
        let mut left = found.filter(|(.., product)| place(product) > page.after).peekable();
        let mut rows = Vec::new();
        let mut last = Vec::new();
        while rows.len() < page.rows
            && let Some(next) = left.next()
        {
            last = place(next.2);
            rows.push(ProductSeen::of(next));
        }
        let next = left.peek().is_some().then_some(last);
        Ok((Page { rows, next }, position))
    }

    /// A product with the version of its clause that is named, or else by which policies may be
    /// written on the day of the read. Refuses (`NOT_FOUND`) what no list has.
    pub fn product(
        &self,
        partition: Partition,
        code: &str,
        clause: Option<&str>,
        time: ReadTime,
    ) -> Result<(ProductSeen, Position), Error> {
        let (day, tables, position) = self.products_at(partition, time)?;
        match tables.product_on(code, clause, day) {
            Some(found) => Ok((ProductSeen::of(found), position)),
            None => Err(Error::refused(unknown(&tables, code, clause, day))),
        }
    }

    fn products_at(
        &self,
        partition: Partition,
        time: ReadTime,
    ) -> Result<(Day, Arc<Tables>, Position), Error> {
        let at = self.at(partition, time)?;
        let state = Durable::new(self.store())?;
        let tables = reference::known(&state, partition, at.known)?;
        let seq = match at.known {
            Some(known) => known,
            None => state.meta(partition)?.seq,
        };
        Ok((at.day, tables, Position { partition, seq }))
    }
}

/// Says what there is instead.
fn unknown(tables: &Tables, code: &str, clause: Option<&str>, day: Day) -> Refusal {
    let clauses = tables.clauses().filter(|(known, _)| *known == code).map(|(_, clause)| clause);
    let clauses = clauses.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let (field, message) = match clause {
        _ if clauses.is_empty() => {
            let known = tables.clauses().map(|(code, _)| code).collect::<BTreeSet<_>>();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            ("code", format!("no list of products has {code:?}; there are: {known}"))
        }
        Some(clause) => {
            let known = clauses.join(", ");
            (
                "clause",
                format!(
                    "no list of products has {code} with the clause {clause:?}; there are {known}"
                ),
            )
        }
        None => {
            let known = clauses.join(", ");
            let message = format!(
                "on {day} no policy may be written by {code}; name the clause to see it: {known}"
            );
            ("clause", message)
        }
    };
    Refusal::of(Class::NotFound, "CLAUSE_UNKNOWN", field, message)
}
