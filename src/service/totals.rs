//! Totals on the wire: of one subject, side by side, month by month, and down to their rows.

use std::collections::BTreeMap;

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        region::Level,
        totals::{Amounts, Certainty, Measure},
    },
    kernel::{
        id::{RegionId, SubjectId},
        position::Position,
        time::{KnownAt, Month, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, totals_service_server::TotalsService},
    registry::{SideBySide, Termed, TotalOf, Wanted},
    service::{Api, Way, common, page::Question, status},
};

/// What is asked for of amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// One amount a measure.
    Plain,
    /// Buildings and floor area by decade and structure.
    BrokenDown,
}

#[tonic::async_trait]
impl TotalsService for Api {
    async fn get_totals(
        &self,
        request: Request<v1::GetTotalsRequest>,
    ) -> Result<Response<v1::GetTotalsResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let level = level(&mut violations, asked.level);
        let (field, text) = ("subject_id", &asked.subject_id);
        // Regions of a level lie in a region, or anywhere.
        let within: Option<RegionId> =
            level.and_then(|_| common::optional(&mut violations, field, text));
        let subject = match level {
            Some(_) => within.map(SubjectId::from),
            None => common::optional(&mut violations, field, text),
        };
        let measures = measures(&mut violations, &asked.measures);
        let wanted = wanted(&measures);
        let time = way.reading(asked.context, violations).await?;
        let of = way.total_of(subject)?;
        let totals = way
            .blocking(move |registry| match level {
                Some(level) => registry.totals_of_level(level, within, time, wanted),
                None => registry.totals_of(of, time, wanted),
            })
            .await?;
        let detail = if asked.breakdown { Detail::BrokenDown } else { Detail::Plain };
        Ok(Response::new(v1::GetTotalsResponse {
            amounts: amounts(&totals.amounts, &totals.termed, &measures, detail),
            read_at: texts(&totals.positions),
            valid_at: totals.valid_at.to_string(),
        }))
    }

    async fn list_totals(
        &self,
        request: Request<v1::ListTotalsRequest>,
    ) -> Result<Response<v1::ListTotalsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let region: Option<RegionId> =
            common::optional(&mut violations, "region_id", &asked.region_id);
        let of = match level(&mut violations, asked.level) {
            Some(level) => SideBySide::Level(level, region),
            None => SideBySide::Children(region),
        };
        let measures = measures(&mut violations, &asked.measures);
        let wanted = wanted(&measures);
        let time = way.reading(context, violations).await?;
        match region {
            Some(region) => way.check_reach("region_id", region.into())?,
            None => way.check_everything()?,
        }
        let day = time.valid_at.unwrap_or_else(|| way.registry().now().day());
        let time = ReadTime { valid_at: Some(day), ..time };
        let (children, positions) =
            way.blocking(move |registry| registry.list_totals(of, time, &page, wanted)).await?;
        let next_page_token = question.token(&children);
        let children = children.rows.into_iter().map(|row| v1::ChildTotals {
            subject_id: row.subject.to_string(),
            name: row.name,
            amounts: amounts(&row.amounts, &row.termed, &measures, Detail::Plain),
        });
        Ok(Response::new(v1::ListTotalsResponse {
            children: children.collect(),
            next_page_token,
            valid_at: day.to_string(),
            read_at: texts(&positions),
        }))
    }

    async fn get_series(
        &self,
        request: Request<v1::GetSeriesRequest>,
    ) -> Result<Response<v1::GetSeriesResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let subject = common::optional(&mut violations, "subject_id", &asked.subject_id);
        let measures = measures(&mut violations, &asked.measures);
        let wanted = wanted(&measures);
        let from = month(&mut violations, "from_month", &asked.from_month);
        let to = month(&mut violations, "to_month", &asked.to_month);
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            violations.add("to_month", "OUT_OF_RANGE", "the last month is not before the first");
        }
        let time = way.reading(asked.context, violations).await?;
        let (from, to) = (way.was_read(from)?, way.was_read(to)?);
        let of = way.total_of(subject)?;
        let known_at = time.known_at;
        let series =
            way.blocking(move |registry| registry.series(of, from, to, known_at, wanted)).await?;
        let months = series.months.into_iter().map(|(month, sums, termed)| v1::MonthTotals {
            month: month.to_string(),
            amounts: amounts(&sums, &termed, &measures, Detail::Plain),
        });
        let read_at = texts(&series.positions);
        Ok(Response::new(v1::GetSeriesResponse { months: months.collect(), read_at }))
    }

    async fn explain_total(
        &self,
        request: Request<v1::ExplainTotalRequest>,
    ) -> Result<Response<v1::ExplainTotalResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let subject = common::optional(&mut violations, "subject_id", &asked.subject_id);
        let measure = measure(&mut violations, "measure", &asked.measure);
        let time = way.reading(context, violations).await?;
        let measure = way.was_read(measure)?;
        let of = way.total_of(subject)?;
        let of_term = (!asked.term.is_empty()).then_some(asked.term);
        if of_term.is_some() && !measure.is_termed() {
            let mut violations = Violations::default();
            let message = format!("{} is not broken down by terms", measure.name());
            violations.add("term", "UNKNOWN_VALUE", message);
            return Err(status::invalid(&violations));
        }
        let (rows, positions) = way
            .blocking(move |registry| {
                registry.explain(of, measure, of_term.as_deref(), time, &page)
            })
            .await?;
        let next_page_token = question.token(&rows);
        let rows = rows.rows.into_iter().map(|row| {
            let mut amounts = amounts(&row.amounts, &row.termed, &[measure], Detail::Plain);
            let terms = if measure.is_termed() { std::mem::take(&mut amounts) } else { Vec::new() };
            v1::TotalRow {
                subject_id: row.subject.to_string(),
                label: row.label,
                amount: amounts.pop(),
                entries: row.entries,
                terms,
            }
        });
        Ok(Response::new(v1::ExplainTotalResponse {
            rows: rows.collect(),
            next_page_token,
            read_at: texts(&positions),
        }))
    }
}

impl Way {
    /// What a total is of: a subject in reach, or the whole registry, for those who reach it.
    fn total_of(&self, subject: Option<SubjectId>) -> Result<TotalOf, Status> {
        match subject {
            Some(subject) => self.check_reach("subject_id", subject)?,
            None => self.check_everything()?,
        }
        Ok(subject.map_or(TotalOf::Everything, TotalOf::Subject))
    }

    /// What was read; that it is missing though nothing was wrong with it is a fault of ours.
    pub(crate) fn was_read<T>(&self, value: Option<T>) -> Result<T, Status> {
        value.ok_or_else(|| {
            let what = format!("{}: a field passed unread", self.caller.rpc);
            status::bug(&what)
        })
    }
}

/// Reads a level; `None` when it is left out.
fn level(violations: &mut Violations, number: i32) -> Option<Level> {
    if number == 0 {
        return None;
    }
    let level = u32::try_from(number).ok().and_then(Level::from_number);
    let message = format!("{number} is none of the levels of regions");
    violations.take("level", level.ok_or(("UNKNOWN_VALUE", message)))
}

fn texts(positions: &[Position]) -> Vec<String> {
    positions.iter().map(ToString::to_string).collect()
}

/// Whether measures that are broken down by terms are among those asked for.
fn wanted(measures: &[Measure]) -> Wanted {
    if measures.iter().any(|measure| measure.is_termed()) { Wanted::Terms } else { Wanted::Spine }
}

/// Reads the measures asked for; all, when none is.
fn measures(violations: &mut Violations, names: &[String]) -> Vec<Measure> {
    if names.is_empty() {
        return Measure::ALL.to_vec();
    }
    let mut wanted = Vec::new();
    for (index, name) in names.iter().enumerate().take(Measure::ALL.len() * 2) {
        let measure = measure(violations, &format!("measures[{index}]"), name);
        wanted.extend(measure.filter(|measure| !wanted.contains(measure)));
    }
    wanted
}

fn measure(violations: &mut Violations, field: &str, name: &str) -> Option<Measure> {
    if name.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    // All of them are more than fits into a sentence.
    let word = name.split('_').next().unwrap_or(name);
    let near = Measure::ALL.map(Measure::name).into_iter().filter(|known| known.contains(word));
    let near = near.collect::<Vec<_>>().join(", ");
    let message = match near.as_str() {
        "" => {
            "no measure is called that; GetTotals without measures answers all of them".to_owned()
        }
        near => format!("no measure is called that, but there are {near}"),
    };
    violations.take(field, Measure::from_name(name).ok_or(("UNKNOWN_VALUE", message)))
}

/// Reads a month, `2020-01`.
fn month(violations: &mut Violations, field: &str, text: &str) -> Option<Month> {
    // The day of a month is read by the one reader of days.
    let day = format!("{text}-01").parse::<crate::kernel::time::Day>();
    let message = "a month is written as 2020-01".to_owned();
    violations
        .take(field, day.map(crate::kernel::time::Day::month).map_err(|_| ("MALFORMED", message)))
}

/// Amounts on the wire: every measure that is wanted, zeros too.
fn amounts(
    amounts: &Amounts,
    termed: &Termed,
    wanted: &[Measure],
    detail: Detail,
) -> Vec<v1::Amount> {
    // By measure, decade and structure; certain and possible.
    let mut sums: BTreeMap<(Measure, Option<i32>, String), (i64, i64)> = BTreeMap::new();
    for measure in wanted {
        if !is_broken_down(*measure, detail) && !measure.is_termed() {
            sums.insert((*measure, None, String::new()), (0, 0));
        }
    }
    for (cell, amount) in amounts.iter() {
        let is_wanted = |measure: &Measure| wanted.contains(measure) && !measure.is_termed();
        let Some(measure) = cell.measure().filter(is_wanted) else {
            continue;
        };
        let (decade, structure) = if is_broken_down(measure, detail) {
            let structure = cell.structure().map_or("UNKNOWN".to_owned(), |kind| kind.to_string());
            (Some(cell.decade().map_or(0, i32::from)), structure)
        } else {
            (None, String::new())
        };
        let sum = sums.entry((measure, decade, structure)).or_default();
        sum.1 += amount;
        if cell.certainty() == Certainty::Certain {
            sum.0 += amount;
        }
    }
    let amounts =
        sums.into_iter().map(|((measure, built_decade, structure), (certain, possible))| {
            v1::Amount {
                measure: measure.name().to_owned(),
                edition: measure.edition(),
                built_decade,
                structure,
                certain,
                possible,
                term: String::new(),
            }
        });
    let terms = termed.iter().filter(|(measure, ..)| wanted.contains(measure));
    let terms = terms.map(|(measure, term, certain, possible)| v1::Amount {
        measure: measure.name().to_owned(),
        edition: measure.edition(),
        built_decade: None,
        structure: String::new(),
        certain,
        possible,
        term: term.to_owned(),
    });
    amounts.chain(terms).collect()
}

fn is_broken_down(measure: Measure, detail: Detail) -> bool {
    detail == Detail::BrokenDown && matches!(measure, Measure::Buildings | Measure::FloorArea)
}

/// The known time of a comparison: a moment, a number, or what is given when there is neither.
pub(crate) fn known_at(
    violations: &mut Violations,
    field: &str,
    moment: Option<prost_types::Timestamp>,
    seq: Option<u64>,
    otherwise: KnownAt,
) -> KnownAt {
    match (moment, seq) {
        (Some(_), Some(_)) => {
            let message = format!("give {field} or {field}_seq, not both");
            violations.add(format!("{field}_seq"), "CONFLICTING", message);
            otherwise
        }
        (Some(moment), None) => {
            common::stamp(violations, field, moment).map_or(otherwise, KnownAt::Stamp)
        }
        (None, Some(seq)) => KnownAt::Seq(seq),
        (None, None) => otherwise,
    }
}
