//! A building with all that was said about it, put together from the lives of its reports and
//! findings, of who signed them, and of the regions it lies in.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        checkup::{Dossier, Paper, Places},
        content::{Content, Fields},
        due::Steps,
        finding::{self, Finding, Stay},
        qualification::{Signing, Verdict, judge},
        report::{self, ReportContent, State as Stand},
        tables::Tables,
        timeline::{Presence, Timeline},
        totals::Targets,
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, RegionId, ReportId, SignerId, SubjectId},
        position::{Partition, Seq},
        time::{Answer, Day},
    },
    registry::{
        error::Error,
        history::timeline_at,
        line, reference,
        space::{after, below, child_prefix, subject_at_end},
        state::State,
    },
    store::Direction,
};

/// Reports or findings of one building that are looked at.
const PAPERS_MAX: usize = 10_000;
/// Findings joined into one.
const JOINED_MAX: usize = 64;

/// With what knowledge a dossier is put together.
#[derive(Clone, Copy)]
pub(crate) struct Knowing<'k> {
    /// The last entry known; `None` for all.
    pub known: Option<Seq>,
    /// Subjects that are read as of an earlier entry: what a sweep has not yet made felt here.
    pub as_of: &'k dyn Fn(SubjectId) -> Option<Seq>,
}

impl Knowing<'_> {
    /// All that is known with an entry.
    pub(crate) const fn at(known: Option<Seq>) -> Knowing<'static> {
        Knowing { known, as_of: &|_| None }
    }

    pub(super) fn life(
        self,
        state: &dyn State,
        partition: Partition,
        subject: SubjectId,
    ) -> Result<Option<Arc<Timeline>>, Error> {
        let known = (self.as_of)(subject).or(self.known);
        timeline_at(state, partition, subject, known)
    }
}

/// The dossier of a building; `None` when nothing was known of it.
pub(crate) fn dossier(
    state: &dyn State,
    building: BuildingId,
    tables: &Tables,
    knowing: Knowing<'_>,
) -> Result<Option<Dossier>, Error> {
    gathered(state, building, tables, knowing, 0)
}

/// The same after so many successions.
fn gathered(
    state: &dyn State,
    building: BuildingId,
    tables: &Tables,
    knowing: Knowing<'_>,
    depth: usize,
) -> Result<Option<Dossier>, Error> {
    let partition = building.partition();
    let Some(life) = knowing.life(state, partition, building.into())? else { return Ok(None) };
    let mut papers = Vec::new();
    for id in said_about(state, building, Kind::Report)? {
        let Some(timeline) = knowing.life(state, partition, id)? else { continue };
        papers.extend(paper(state, building, id, &timeline, knowing)?);
    }
    papers.sort_by_key(|paper: &Paper| (paper.inspected, paper.id));
    let is_submitted = |id| papers.iter().any(|paper| paper.id == id && paper.state.is_submitted());
    let mut findings = Vec::new();
    for (id, finding) in findings_of(state, building, knowing)? {
        let mut reports = finding.reports();
        reports.retain(|report| !is_submitted(*report));
        if !reports.is_empty() {
            // Or for a report of what the building became.
            reports = unsubmitted(state, &finding, knowing)?;
        }
        let finding = finding.without(reports);
        let gone = match life.end() {
            Some(_) => line::gone_from(state, building, finding.placed(), knowing)?,
            None => None,
        };
        let stay = Stay { until: line::left_on(&life, building), ..Stay::default() };
        let finding = finding.in_building_until(gone).staying(stay).by_rules(tables);
        findings.push((id, finding));
    }
    for (day, before) in line::before(state, building, &life, knowing)? {
        if depth < line::DEPTH_MAX
            && let Some(dossier) = gathered(state, before, tables, knowing, depth + 1)?
        {
            let from = line::Came { from: before, into: building, on: day };
            findings.extend(line::carried(state, &dossier, from, &life, tables, knowing)?);
        }
    }
    findings.sort_by_key(|(id, _)| *id);
    let places = if tables.has_cycles() {
        places(state, partition, &life, knowing)?
    } else {
        Steps::always(Vec::new())
    };
    Ok(Some(Dossier { building: life, papers, findings, places }))
}

/// What was ever said about a building, of one kind.
pub(crate) fn said_about(
    state: &dyn State,
    building: BuildingId,
    kind: Kind,
) -> Result<Vec<SubjectId>, Error> {
    let prefix = child_prefix(building.partition(), building.into(), kind);
    let mut range = below(prefix);
    let mut found = Vec::new();
    loop {
        let keys = state.scan(&range, Direction::Up, 256)?;
        let is_end = keys.len() < 256 || found.len() >= PAPERS_MAX;
        found.extend(keys.iter().filter_map(|(key, _)| subject_at_end(key)));
        match keys.last() {
            Some((last, _)) if !is_end => range = after(range, last),
            _ => return Ok(found),
        }
    }
}

/// The building that a report or finding is about, by all that is known of it: of a finding that was
/// seen in what its building became, the building itself.
pub(crate) fn building_of(timeline: &Timeline) -> Option<BuildingId> {
    let content = timeline.content_at(Day::MAX)?;
    match content.fields {
        Fields::Finding(_) => timeline.contents().find_map(|(_, said)| said.about()),
        _ => content.about(),
    }
}

fn paper(
    state: &dyn State,
    building: BuildingId,
    id: SubjectId,
    timeline: &Timeline,
    knowing: Knowing<'_>,
) -> Result<Option<Paper>, Error> {
    let Some((_, inspected)) = timeline.registration() else { return Ok(None) };
    let Some(Content { fields: Fields::Report(fields), .. }) = timeline.content_at(Day::MAX) else {
        return Ok(None);
    };
    let (Ok(id), Some(kind)) = (ReportId::try_from(id), fields.kind.flatten()) else {
        return Ok(None);
    };
    if fields.building.flatten() != Some(building) {
        return Ok(None);
    }
    let stand = report::state_on(timeline, Day::MAX);
    let is_in_doubt = doubt(state, &fields, &stand, knowing)? == Answer::Yes;
    Ok(Some(Paper {
        id,
        kind,
        inspected: inspected.latest(),
        grades: fields.grades.flatten().unwrap_or_default(),
        triggers_appraisal: fields.triggers_appraisal.flatten().unwrap_or(false),
        state: stand,
        is_in_doubt,
    }))
}

/// Whether, as is known, somebody who signed was not entitled to on the day of the signatures.
pub(crate) fn doubt(
    state: &dyn State,
    fields: &ReportContent,
    stand: &Stand,
    knowing: Knowing<'_>,
) -> Result<Answer, Error> {
    let day = match stand {
        Stand::Accepted { submission, .. }
        | Stand::Submitted { submission }
        | Stand::Returned { submission, .. } => submission.signed_on,
        Stand::Signed { on, .. } => *on,
        Stand::Drafted | Stand::Superseded { .. } => return Ok(Answer::No),
    };
    let mut doubt = Answer::No;
    for (_, verdict) in verdicts(state, fields, day, knowing)? {
        match verdict.answer() {
            Answer::No => return Ok(Answer::Yes),
            Answer::Unknown => doubt = Answer::Unknown,
            Answer::Yes => {}
        }
    }
    Ok(doubt)
}

/// Each signer of a report with what stands against the signature. A patrol of no body needs none.
pub(crate) fn verdicts(
    state: &dyn State,
    fields: &ReportContent,
    day: Day,
    knowing: Knowing<'_>,
) -> Result<Vec<(SignerId, Verdict)>, Error> {
    let (Some(body), Some(building)) = (fields.body.flatten(), fields.building.flatten()) else {
        return Ok(Vec::new());
    };
    let Some(signed) = fields.signed.clone().flatten() else { return Ok(Vec::new()) };
    let partition = building.partition();
    let body_life = knowing.life(state, partition, body.into())?;
    let body_there = there_on(body_life.as_deref(), day);
    let body_fields = body_life.and_then(|life| standing_on(&life, day));
    let judged_body = match body_fields.map(|content| content.fields) {
        Some(Fields::Body(fields)) => fields.judged_as(body),
        _ => crate::domain::body::BodyContent::default().judged_as(body),
    };
    let companies = fields.companies.clone().flatten().unwrap_or_default();
    let companies = companies.into_iter().collect::<BTreeSet<_>>();
    let signing = Signing { day, scope: &signed.scope, building, companies: &companies };
    let mut verdicts = Vec::new();
    for signer in &signed.signers {
        let life = knowing.life(state, partition, (*signer).into())?;
        let is_there = there_on(life.as_deref(), day);
        let judged_signer =
            match life.and_then(|life| standing_on(&life, day)).map(|content| content.fields) {
                Some(Fields::Signer(fields)) => fields.judged_as(*signer),
                _ => crate::domain::signer::SignerContent::default().judged_as(*signer),
            };
        let verdict = judge(&judged_signer, &judged_body, signing);
        verdicts.push((*signer, verdict.with_presence(is_there, body_there)));
    }
    Ok(verdicts)
}

/// Whether somebody was there on a day.
fn there_on(life: Option<&Timeline>, day: Day) -> Answer {
    match life.map_or(Presence::EnteredInError, |life| life.presence(day)) {
        Presence::Exists => Answer::Yes,
        Presence::Unknown => Answer::Unknown,
        Presence::NotYet | Presence::Ended | Presence::EnteredInError => Answer::No,
    }
}

/// The fields on a day, of what was not entered in error.
fn standing_on(timeline: &Timeline, day: Day) -> Option<Content> {
    timeline.registration()?;
    timeline.content_at(day)
}

/// The findings of a building, each joined with those that were merged into it.
pub(crate) fn findings(
    state: &dyn State,
    building: BuildingId,
    knowing: Knowing<'_>,
) -> Result<Vec<(FindingId, Finding)>, Error> {
    let mut found = Vec::new();
    for (id, finding) in findings_of(state, building, knowing)? {
        found.push((id, counted(state, finding, knowing)?));
    }
    Ok(found)
}

/// The same, whatever reports they were seen for.
fn findings_of(
    state: &dyn State,
    building: BuildingId,
    knowing: Knowing<'_>,
) -> Result<Vec<(FindingId, Finding)>, Error> {
    let mut found = Vec::new();
    for id in said_about(state, building, Kind::Finding)? {
        let Ok(id) = FindingId::try_from(id) else { continue };
        if let Some(finding) = joined(state, id, knowing)?
            && finding.building() == building
        {
            found.push((id, finding));
        }
    }
    Ok(found)
}

/// A finding of which only counts what stands in reports of its building, or of what that became, that
/// were submitted, or in none, and as long as one of these buildings is there.
pub(crate) fn counted(
    state: &dyn State,
    finding: Finding,
    knowing: Knowing<'_>,
) -> Result<Finding, Error> {
    let unsubmitted = unsubmitted(state, &finding, knowing)?;
    let finding = finding.without(unsubmitted);
    let gone = line::gone_from(state, finding.building(), finding.placed(), knowing)?;
    let line = line::after(state, finding.building(), knowing)?;
    let tables = reference::known(state, finding.building().partition(), knowing.known)?;
    Ok(finding.in_building_until(gone).in_line(line).by_rules(&tables))
}

/// The reports that a finding was seen for and that nobody has submitted.
fn unsubmitted(
    state: &dyn State,
    finding: &Finding,
    knowing: Knowing<'_>,
) -> Result<BTreeSet<ReportId>, Error> {
    let building = finding.building();
    let mut unsubmitted = finding.reports();
    if unsubmitted.is_empty() {
        return Ok(unsubmitted);
    }
    let became = line::after(state, building, knowing)?;
    for report in finding.reports() {
        let life = knowing.life(state, building.partition(), report.into())?;
        let is_submitted = life.is_some_and(|life| {
            let is_of = |about| about == building || became.contains(&about);
            life.registration().is_some()
                && building_of(&life).is_some_and(is_of)
                && report::state_on(&life, Day::MAX).is_submitted()
        });
        if is_submitted {
            unsubmitted.remove(&report);
        }
    }
    Ok(unsubmitted)
}

/// The first day on which what has this life certainly is no more.
pub(crate) fn gone_from(life: &Timeline) -> Option<Day> {
    life.end()?;
    life.possible_span().map(|(_, gone)| gone)
}

/// A finding joined with those that were merged into it; `None` when it was entered in error, is not
/// known, or was itself merged into another.
pub(crate) fn finding(
    state: &dyn State,
    id: FindingId,
    knowing: Knowing<'_>,
) -> Result<Option<Finding>, Error> {
    let found = joined(state, id, knowing)?;
    found.map(|finding| counted(state, finding, knowing)).transpose()
}

fn joined(
    state: &dyn State,
    id: FindingId,
    knowing: Knowing<'_>,
) -> Result<Option<Finding>, Error> {
    let partition = id.partition();
    let Some(timeline) = knowing.life(state, partition, id.into())? else { return Ok(None) };
    if timeline.end().is_some() {
        return Ok(None);
    }
    let Some(mut joined) = finding::of_timeline(id, &timeline) else { return Ok(None) };
    let mut next = merged_into(id, &timeline);
    let mut seen = 0;
    while let Some(other) = next.pop() {
        seen += 1;
        if seen > JOINED_MAX {
            break;
        }
        let Some(timeline) = knowing.life(state, partition, other.into())? else { continue };
        next.extend(merged_into(other, &timeline));
        if let Some(finding) = finding::of_timeline(other, &timeline) {
            // Of another building it cannot be: merging is refused there.
            joined = match joined.clone().merge(finding) {
                Ok(joined) => joined,
                Err(_) => joined,
            };
        }
    }
    Ok(Some(joined))
}

/// The finding that a number leads to: itself, or the one that it was merged into.
pub(crate) fn leads_to(
    state: &dyn State,
    id: FindingId,
    knowing: Knowing<'_>,
) -> Result<FindingId, Error> {
    let mut at = id;
    for _ in 0..JOINED_MAX {
        let subject = SubjectId::from(at);
        let Some(timeline) = knowing.life(state, at.partition(), subject)? else { break };
        let next = timeline
            .edges()
            .find(|(_, edge)| edge.from == subject && edge.into != subject)
            .and_then(|(_, edge)| FindingId::try_from(edge.into).ok());
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(at)
}

/// The findings that were merged into one.
fn merged_into(id: FindingId, timeline: &Timeline) -> Vec<FindingId> {
    let into = SubjectId::from(id);
    timeline
        .edges()
        .filter(|(_, edge)| edge.into == into && edge.from != into)
        .filter_map(|(_, edge)| FindingId::try_from(edge.from).ok())
        .collect()
}

/// The regions that a building lies in over time, nearest first: by its parents, theirs, and so on
/// up to the partition's own region and what is above it, which does not change with the building.
fn places(
    state: &dyn State,
    partition: Partition,
    life: &Timeline,
    knowing: Knowing<'_>,
) -> Result<Places, Error> {
    let mut days = BTreeSet::from([Day::MIN]);
    let own = Targets::of(life);
    let mut chains: Vec<(SubjectId, Targets)> = Vec::new();
    let mut next = own.nodes().collect::<Vec<_>>();
    days.extend(own.days());
    while let Some(node) = next.pop() {
        if chains.iter().any(|(known, _)| *known == node) {
            continue;
        }
        let targets = knowing
            .life(state, partition, node)?
            .map(|timeline| Targets::of(&timeline))
            .unwrap_or_default();
        next.extend(targets.nodes());
        days.extend(targets.days());
        chains.push((node, targets));
    }
    let above = above(state, partition, knowing)?;
    let mut places = Steps::always(Vec::new());
    for day in days {
        let mut regions: Vec<RegionId> = Vec::new();
        let mut at = own.on(day).iter().find(|target| !target.local).map(|target| target.node);
        while let Some(node) = at {
            regions.extend(RegionId::try_from(node).ok());
            let targets = chains.iter().find(|(known, _)| *known == node).map(|(_, of)| of);
            at = targets
                .and_then(|targets| targets.on(day).iter().find(|target| !target.local))
                .map(|target| target.node)
                .filter(|_| regions.len() < 16);
        }
        regions.extend(
            above.iter().filter(|region| !regions.contains(region)).copied().collect::<Vec<_>>(),
        );
        places.set(day, regions);
    }
    Ok(places)
}

/// The partition's own region and what is above it. A table that is loaded for a province holds in
/// every partition that it was loaded into.
fn above(
    state: &dyn State,
    partition: Partition,
    knowing: Knowing<'_>,
) -> Result<Vec<RegionId>, Error> {
    let mut regions = Vec::new();
    let mut next = state.meta(partition)?.region;
    while let Some(region) = next {
        regions.push(region);
        if regions.len() > 8 {
            break;
        }
        let life = knowing.life(state, partition, region.into())?;
        let content = life.and_then(|life| life.content_at(Day::MAX));
        next = match content.map(|content| content.fields) {
            Some(Fields::Region(fields)) => fields.parent.flatten(),
            _ => None,
        };
    }
    Ok(regions)
}
