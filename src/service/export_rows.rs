//! What a partition holds as rows that can be imported again, page after page.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tonic::{Code, Status};

use crate::{
    domain::{
        content::{Content, Fields, Said},
        periods::{Period, Periods},
        timeline::{Edge, Presence},
    },
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Position,
        time::{Day, KnownAt, ReadTime},
    },
    proto::v1,
    registry::{Error, ListOf, Registry, Seen},
    service::{
        Way,
        kind::{Resource, resource},
        search::Part,
        status,
    },
};

/// Rows of one message of an export.
const EXPORT_ROWS: usize = 200;

/// What an export is read at.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// The day.
    pub valid_at: Option<Day>,
    /// In its partition.
    pub at: Position,
    /// What another partition keeps.
    pub elsewhere: ReadTime,
}

/// Sends page after page, as fast as the reader takes them.
pub(crate) async fn export(
    way: &Way,
    (part, kind, with_ended): (Part, Kind, bool),
    Times { valid_at, at, elsewhere }: Times,
    sender: &mpsc::Sender<Result<v1::ExportRowsResponse, Status>>,
) -> Result<(), Status> {
    let partition = at.partition;
    let time = ReadTime { valid_at, known_at: KnownAt::Seq(at.seq) };
    let mut stopping = way.api.0.stopping.clone();
    let mut after = Vec::new();
    let mut is_first = true;
    loop {
        if *stopping.borrow_and_update() {
            let message = "the registry is stopping; export again";
            return Err(status::plain(Code::Unavailable, "STOPPING", message));
        }
        let page = PageRequest { rows: EXPORT_ROWS, after };
        let of = ListOf::Ever(kind, partition);
        let read = way.blocking(move |registry| {
            let page = registry.list(of, time, &page)?;
            let time_of =
                |id: SubjectId| if id.partition() == partition { time } else { elsewhere };
            let mut lives = BTreeMap::new();
            for seen in page.rows.iter().filter(|_| with_ended) {
                let periods = registry.periods(partition, seen.id, time)?;
                lives.extend(periods.map(|periods| (seen.id, periods)));
            }
            let of_days = lives.values().flat_map(|periods| {
                let days = periods.earlier.iter().chain(&periods.later);
                days.flat_map(|period| period.fields.holders()).chain(periods.now.holders())
            });
            let ids = page.rows.iter().flat_map(|seen| {
                let successors = successors(seen, with_ended).map(|edge| edge.into);
                seen.content.holders().into_iter().chain(successors)
            });
            let named = named_by(registry, ids.chain(of_days), time_of)?;
            Ok((page, lives, named))
        });
        let (page, mut lives, mut named) = read.await?;
        if part == Part::Some {
            way.leave_in_reach(&mut named)?;
        }
        let (mut rows, mut ended_left_out) = (Vec::new(), 0);
        for seen in page.rows {
            if part == Part::Some && !way.reaches(seen.id)? {
                continue;
            }
            match seen.presence {
                Presence::Ended if !with_ended => ended_left_out += 1,
                Presence::NotYet if !with_ended => {}
                _ => {
                    let life = lives.remove(&seen.id);
                    rows.push(export_row(seen, life, &named));
                }
            }
        }
        let is_empty = rows.is_empty() && ended_left_out == 0 && !is_first;
        is_first = false;
        let answer = v1::ExportRowsResponse { rows, ended_left_out, read_at: at.to_string() };
        let is_told = is_empty || sender.send(Ok(answer)).await.is_ok();
        match page.next {
            Some(next) if is_told => after = next,
            _ => return Ok(()),
        }
    }
}

/// The subjects that others name, by their ids. What was not known then is left out.
pub(crate) fn named_by(
    registry: &Registry,
    ids: impl Iterator<Item = SubjectId>,
    time_of: impl Fn(SubjectId) -> ReadTime,
) -> Result<BTreeMap<SubjectId, v1::ExportReference>, Error> {
    let mut named = BTreeMap::new();
    for id in ids {
        if named.contains_key(&id) {
            continue;
        }
        let seen = match registry.get(id, time_of(id)) {
            Ok(seen) => seen,
            Err(Error::Refused(_)) => continue,
            Err(error) => return Err(error),
        };
        let (source, key) = seen.source.unwrap_or_default();
        let codes = seen.content.shared.identifiers.into_iter().flat_map(|(scheme, values)| {
            let code = move |value| v1::Identifier { scheme: scheme.clone(), value };
            values.into_iter().map(code)
        });
        let codes = if id.kind() == Kind::Region { codes.collect() } else { Vec::new() };
        let (field, id_text) = (String::new(), id.to_string());
        named.insert(id, v1::ExportReference { field, id: id_text, source, key, codes });
    }
    Ok(named)
}

/// The relations of what is exported, by the API's names.
fn relations(content: &Content) -> Vec<(&'static str, SubjectId)> {
    fn of<T: Into<SubjectId>>(
        name: &'static str,
        said: Said<T>,
    ) -> Option<(&'static str, SubjectId)> {
        said.flatten().map(|id| (name, id.into()))
    }
    let found = match &content.fields {
        Fields::Region(fields) => vec![of("parent_id", fields.parent)],
        Fields::Compound(fields) => vec![of("community_id", fields.community)],
        Fields::Building(fields) => vec![
            of("compound_id", fields.compound),
            of("community_id", fields.community),
            of("physical_id", fields.physical),
        ],
        Fields::Unit(fields) => vec![of("building_id", fields.building)],
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

/// Of what was merged or split: what stands in its place; and where asked for what was taken out of
/// it while it lived on.
fn successors(seen: &Seen, with_parts: bool) -> impl Iterator<Item = &Edge> {
    let end = seen.end.filter(|end| end.cause.is_succession());
    let edges = seen.edges.iter().filter(move |(day, edge)| {
        let is_end = end.is_some_and(|end| end.day.earliest() == *day);
        edge.from == seen.id && (with_parts || is_end)
    });
    edges.map(|(_, edge)| edge)
}

/// A subject as a row; with its life, where all that ever was is asked for.
fn export_row(
    mut seen: Seen,
    life: Option<Periods>,
    named: &BTreeMap<SubjectId, v1::ExportReference>,
) -> v1::ExportRow {
    use v1::export_row::Subject;
    let with_parts = life.is_some();
    let successors = successors(&seen, with_parts).map(|edge| ("successors", edge.into));
    let mut named_ids = relations(&seen.content).into_iter().chain(successors).collect::<Vec<_>>();
    let (mut earlier, mut later, mut split_off) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(Periods { now, earlier: before, later: to_come, going_on }) = life {
        let id = seen.id;
        let parts = going_on.into_iter().filter(|(_, edge)| edge.from == id && edge.into != id);
        split_off.extend(parts.map(|(day, edge)| v1::Relative {
            id: edge.into.to_string(),
            day: day.to_string(),
            share_numerator: edge.share_numerator,
            share_denominator: edge.share_denominator,
        }));
        named_ids.extend(relations(&now));
        for (field, periods) in [("earlier", &before), ("later", &to_come)] {
            let ids = periods.iter().flat_map(|period| period.fields.holders());
            named_ids.extend(ids.map(|id| (field, id)));
        }
        seen.content = now;
        earlier.extend(before.into_iter().map(export_period));
        later.extend(to_come.into_iter().map(export_period));
    }
    named_ids.sort_unstable();
    named_ids.dedup();
    let references = named_ids.into_iter().filter_map(|(field, id)| {
        let field = field.to_owned();
        named.get(&id).map(|found| v1::ExportReference { field, ..found.clone() })
    });
    let references = references.collect::<Vec<_>>();
    let (source, key) = seen.source.clone().unwrap_or_default();
    let subject = match seen.id.kind() {
        Kind::Region => Some(Subject::Region(resource(seen))),
        Kind::Compound => Some(Subject::Compound(resource(seen))),
        Kind::Building => Some(Subject::Building(resource(seen))),
        Kind::Unit => Some(Subject::Unit(resource(seen))),
        _ => None,
    };
    v1::ExportRow { source, key, subject, references, earlier, later, split_off }
}

/// Other values of fields on the wire.
fn export_period(Period { day, fields, none }: Period) -> v1::ExportPeriod {
    use v1::export_period::Fields as Wire;
    let kind = fields.kind();
    let schemes = none.iter().filter_map(|field| field.strip_prefix("identifiers."));
    let schemes =
        schemes.map(|scheme| v1::Identifier { scheme: scheme.to_owned(), value: String::new() });
    let schemes = schemes.collect::<Vec<_>>();
    let fields = match kind {
        Kind::Region => {
            let mut fields = v1::Region::write(fields, Vec::new());
            fields.codes.extend(schemes);
            Some(Wire::Region(fields))
        }
        Kind::Compound => {
            let mut fields = v1::Compound::write(fields, Vec::new());
            fields.identifiers.extend(schemes);
            Some(Wire::Compound(fields))
        }
        Kind::Building => {
            let mut fields = v1::Building::write(fields, Vec::new());
            fields.identifiers.extend(schemes);
            Some(Wire::Building(fields))
        }
        Kind::Unit => {
            let mut fields = v1::Unit::write(fields, Vec::new());
            fields.identifiers.extend(schemes);
            Some(Wire::Unit(fields))
        }
        _ => None,
    };
    let cleared = none.into_iter().filter(|field| !field.starts_with("identifiers."));
    v1::ExportPeriod { day: day.to_string(), fields, cleared: cleared.collect() }
}
