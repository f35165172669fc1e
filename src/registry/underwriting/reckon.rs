//! What the registry reckons about a building and what is said of it: due days, grades, ages, states.
//!
//! These items rest on more than the entries of one subject (rules, other subjects, what was loaded
//! as reference data), so a file proves them no further than that it names what they rest on.

use crate::{
    domain::{
        checkup::{Dossier, Span, next_for},
        coverage::days_of,
        due::{Bounds, DueAnswer, DuePlan, Segment},
        finding::{Finding, Stage, View},
        policy::PolicyContent,
        product::{Days, Product},
        tables::Tables,
        underwriting::{Item, Worth, funding},
        work::Funding,
    },
    kernel::{
        id::{FindingId, SubjectId},
        time::{Answer, Day, ImpreciseDay},
    },
    registry::{read::Seen, reports::ReportStand, works::Paid},
};

/// The words of items that are the registry's own, and of those that are withheld.
pub(super) const WORDS: [&str; 21] = [
    "body",
    "building",
    "case",
    "check_up_due",
    "claims",
    "colour",
    "compound",
    "cover",
    "edition",
    "finding",
    "funding",
    "grade",
    "last_appraisal",
    "last_check_up",
    "lineage",
    "open_findings",
    "order",
    "policy",
    "region",
    "signatures",
    "works",
];

pub(super) const fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Unknown => "unknown",
    }
}

fn span_holds(span: Span, day: Day) -> bool {
    span.from <= day && span.until.is_none_or(|until| day < until)
}

/// `earliest..latest`; a side that is never is left empty.
fn bounds(bounds: Bounds) -> String {
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    format!("{}..{}", text(bounds.earliest), text(bounds.latest))
}

/// What follows for the building: when it is due, its grades and colour, its open findings.
pub(super) fn building(
    dossier: &Dossier,
    plan: Option<&DuePlan>,
    tables: &Tables,
    day: Day,
) -> Vec<Item> {
    let mut items = vec![due(dossier, plan, day)];
    for graded in dossier.grades().into_iter().filter(|graded| span_holds(graded.span, day)) {
        let paper = dossier.papers.iter().find(|paper| paper.id == graded.report);
        items.push(
            Item::new("grade", Worth::Reckoned)
                .about(graded.report)
                .with("scale", graded.grade.ladder.scale.word())
                .with("edition", &graded.grade.ladder.edition)
                .with("scope", graded.grade.ladder.scope.word())
                .with("aspect", graded.grade.ladder.aspect.word())
                .with("grade", &graded.grade.value)
                .with("inspected", graded.span.from)
                .with_some("kind", paper.map(|paper| paper.kind.word()))
                .with("in_doubt", if graded.is_in_doubt { "yes" } else { "no" }),
        );
    }
    if items.len() == 1 {
        items.push(Item::new("grade", Worth::Unknown).because("no_accepted_report_gives_one"));
    }
    let colours = dossier.colours(tables);
    match colours.into_iter().find(|coloured| span_holds(coloured.span, day)) {
        Some(coloured) => items.push(
            Item::new("colour", Worth::Reckoned)
                .about(coloured.report)
                .with("colour", &coloured.colour.colour.value)
                .with("mapping", &coloured.colour.mapping)
                .with("edition", &coloured.colour.edition)
                .with("in_doubt", if coloured.is_in_doubt { "yes" } else { "no" }),
        ),
        None => items.push(Item::new("colour", Worth::Unknown).because("no_grade_is_mapped")),
    }
    let here = dossier.findings.iter().filter(|(_, finding)| finding.stay().holds(day));
    let views = here.filter_map(|(_, finding)| finding.view_on(day));
    let open = views.filter(|view| view.stage.is_open()).count();
    items.push(Item::new("open_findings", Worth::Reckoned).with("count", open));
    items
}

fn due(dossier: &Dossier, plan: Option<&DuePlan>, day: Day) -> Item {
    let unknown = |why: &str| Item::new("check_up_due", Worth::Unknown).because(why);
    if let Some(whole) = dossier.part_of() {
        return unknown("checked_with_the_physical_building").about(whole);
    }
    let Some(plan) = plan else { return unknown("no_rule_set_is_loaded") };
    let Some(segment) = plan.on(day) else { return unknown("the_building_is_not_there") };
    let Segment { answer, basis, .. } = segment;
    let item = match answer {
        DueAnswer::Due { on } => {
            Item::new("check_up_due", Worth::Reckoned).with("answer", "due").with("on", on)
        }
        DueAnswer::Exempt { until, then_due } => Item::new("check_up_due", Worth::Reckoned)
            .with("answer", "exempt")
            .with("until", bounds(*until))
            .with("then_due", bounds(*then_due)),
        DueAnswer::Unknown { because, due, .. } => {
            let because = because.iter().map(ToString::to_string).collect::<Vec<_>>();
            unknown(&because.join("; ")).with("due", bounds(*due))
        }
    };
    let rules = basis.rules.iter().map(String::as_str).collect::<Vec<_>>();
    item.with("overdue", word(answer.is_overdue_on(day)))
        .with_some("rule_set", basis.set.as_ref().map(|set| &set.name))
        .with_some("edition", basis.set.as_ref().map(|set| &set.edition))
        .with_some("rules", (!rules.is_empty()).then(|| rules.join(", ")))
        .with_some("counted_from", basis.counted_from.map(|(on, _)| on))
        .with_some("counted_from_kind", basis.counted_from.map(|(_, kind)| kind.word()))
}

/// The cases that were open about a subject.
pub(super) fn cases(seen: &Seen, sees_cases: bool) -> Vec<Item> {
    if !sees_cases {
        return vec![Item::new("case", Worth::Withheld).because("role")];
    }
    let open = seen.cases.iter().map(|(case, doubts)| {
        let mut item = Item::new("case", Worth::Reckoned).about(*case).with("state", "open");
        item.entries.clone_from(doubts);
        item
    });
    open.collect()
}

/// How a report's signatures stand, by the licences and interests that were known.
pub(super) fn signatures(stand: &ReportStand, sees_signers: bool) -> Item {
    let item = Item::new("signatures", Worth::Reckoned).with("in_doubt", word(stand.doubt));
    if stand.objections.is_empty() {
        return item;
    }
    let told = stand.objections.iter().map(|(signer, objection)| {
        if sees_signers { format!("{signer}: {objection}") } else { objection.to_string() }
    });
    item.with("objections", told.collect::<Vec<_>>().join("; "))
}

/// How many claims, or work items, of a building the file has. An insurer is shown the claims on its own
/// policies, and told so.
pub(super) fn count(item: &str, shown: usize, is_of_own: bool) -> Item {
    let of = if is_of_own { "own_policies" } else { "all" };
    Item::new(item, Worth::Reckoned).with("count", shown).with("of", of)
}

/// What claims paid for a work item: `is_named` where the claim is one that the reader is shown.
pub(super) fn paid_by_claim(paid: &Paid, is_named: bool) -> Item {
    let shown = Funding { reference: String::new(), ..paid.funding.clone() };
    let item = funding(Worth::Reckoned, paid.on, &shown);
    if is_named { item.about(paid.by) } else { item }
}

/// How a finding stands on the day, under all of its numbers, and what the days have made of it.
pub(super) fn finding(
    (id, finding): (FindingId, &Finding),
    view: &View,
    plan: Option<&DuePlan>,
    tables: &Tables,
    day: Day,
) -> Item {
    let mut item = Item::new("finding", Worth::Reckoned)
        .with("stage", view.stage.word())
        .with("since", view.since)
        .with("class", &view.class)
        .with("severity", view.severity.word())
        .with("first_observed", view.first_observed)
        .with("observations", view.observations.len())
        .with_some("notified_on", view.notified_on)
        .with_some("deadline", view.deadline)
        .with_some("monitored_since", view.monitored_since);
    let others = finding.numbers().iter().filter(|number| **number != id);
    let others = others.map(ToString::to_string).collect::<Vec<_>>();
    item = item.with_some("joined_with", (!others.is_empty()).then(|| others.join(", ")));
    let measures = view.measures.iter().map(|measure| measure.word()).collect::<Vec<_>>();
    item = item.with_some("measures", (!measures.is_empty()).then(|| measures.join(", ")));
    if !view.stage.is_open() {
        return item.with("ended_by", ended_by(view.stage));
    }
    let age = day.number().saturating_sub(view.first_observed.number());
    item = item.with("open_days", age);
    let first = view.first_observed;
    if let Some(catalogue) = tables.findings_on(first) {
        let aged = view.aged(day, next_for(finding, plan, view.open_since), catalogue);
        item = item
            .with("severity_by_now", aged.severity.word())
            .with_some("overdue_days", aged.overdue_days)
            .with_some("notice_days", aged.notice.map(|(days, _)| days));
    }
    item
}

const fn ended_by(stage: Stage) -> &'static str {
    match stage {
        Stage::Closed => "a_verified_repair",
        Stage::Waived => "a_waiver",
        Stage::ObjectGone => "the_object_being_gone",
        _ => "nothing",
    }
}

/// By what a policy covers the building.
pub(super) struct CoversBy {
    /// What it names.
    pub(super) named: SubjectId,
    /// Whether that is what the building came from.
    pub(super) is_predecessor: bool,
    /// The completion from which its periods are counted.
    pub(super) completed: ImpreciseDay,
}

/// Where a policy stands on the day, and the days of each cover for the building.
pub(super) fn policy(
    seen: &Seen,
    policy: &PolicyContent,
    product: Option<&Product>,
    by: &CoversBy,
) -> Vec<Item> {
    let state = seen.policy_state.map(crate::domain::policy::PolicyState::word);
    let mut items = vec![
        Item::new("policy", Worth::Reckoned)
            .with_some("state", state)
            .with("covers_by", by.named)
            .with_some("by_predecessor", by.is_predecessor.then_some("yes")),
    ];
    for cover in policy.covers() {
        let clause = product.and_then(|product| product.covers.get(&cover.cover));
        let item = match days_of(cover, clause, by.completed) {
            Some(Days { first, last }) => Item::new("cover", Worth::Reckoned)
                .with("first_day", first)
                .with("last_day", last)
                .with("holds", word(holds(first, last, seen.valid_at))),
            None => Item::new("cover", Worth::Unknown).because("the_clause_is_in_no_list"),
        };
        items.push(item.with("cover", &cover.cover).with("sum_insured", cover.sum_insured));
    }
    items
}

fn holds(first: ImpreciseDay, last: ImpreciseDay, day: Day) -> Answer {
    let begun = first.on_or_before(day);
    let over = if day == Day::MIN { Answer::No } else { last.on_or_before(day.previous()) };
    match (begun, over) {
        (Answer::No, _) | (_, Answer::Yes) => Answer::No,
        (Answer::Yes, Answer::No) => Answer::Yes,
        _ => Answer::Unknown,
    }
}
