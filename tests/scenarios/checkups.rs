//! Check-ups that turn out otherwise: false, late, badly signed, and seen by three at once.

use std::fmt::Write as _;

use anju::{
    domain::{
        author::Author,
        building::BuildingUse,
        content::{Content, Fields},
        due::{Bounds, DueAnswer},
        finding::{Observation, PartyKey, Place, Saying, Source, catalogue::Severity},
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        qualification::{Employment, Period, Qualification},
        report::{ReportKind, Signatures},
        totals::Measure,
    },
    kernel::{
        id::{BodyId, BuildingId, FindingId, Kind, ReportId, SignerId, SubjectId},
        page::PageRequest,
        time::{Day, KnownAt, ReadTime},
    },
    registry::{
        AdvanceReport, Command, DueDays, Error, FollowFinding, Merge, MergeInto, ObserveFinding,
        Outcome, RecordReport, Register, ReportStep, Sighting, Wanted, Which,
    },
};
use expect_test::expect;

use crate::{
    city::{at, building, compound, day, fields, said},
    page::{NOW, Page, corrected, demolish, floor_area},
};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const COLOURS: &str = include_str!("../../data/reference/colours-example.toml");
const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");
const CYCLE: &str = include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml");

/// A page of an office that has blocks looked at by the signers of a body.
struct Office {
    page: Page,
    compound: SubjectId,
    body: BodyId,
}

fn licence(until: Option<&str>) -> Vec<Qualification> {
    vec![Qualification {
        scope: "structure".to_owned(),
        certificate: "C-1".to_owned(),
        period: Period { from: said("2010-01-01"), until: until.map(said) },
        suspensions: Vec::new(),
    }]
}

fn licensed(until: Option<&str>) -> Content {
    fields(Kind::Signer, |fields| {
        if let Fields::Signer(signer) = fields {
            signer.qualifications = Some(Some(licence(until)));
        }
    })
}

fn graded(value: &str) -> Content {
    fields(Kind::Report, |fields| {
        if let Fields::Report(report) = fields {
            report.grades = Some(Some(vec![survey(value)]));
        }
    })
}

fn survey(value: &str) -> Grade {
    let ladder = Ladder {
        scale: Scale::Survey,
        edition: "2020".to_owned(),
        scope: Scope::Building,
        aspect: Aspect::Whole,
    };
    Grade { ladder, value: value.to_owned() }
}

fn building_id(id: SubjectId) -> BuildingId {
    id.try_into().unwrap()
}

fn bounds(bounds: Bounds) -> String {
    let day = |day: Option<Day>| day.map_or("never".to_owned(), |day| day.to_string());
    if bounds.earliest == bounds.latest {
        day(bounds.earliest)
    } else {
        format!("{}..{}", day(bounds.earliest), day(bounds.latest))
    }
}

fn due(answer: &DueAnswer) -> String {
    match answer {
        DueAnswer::Due { on } => format!("due {on}"),
        DueAnswer::Exempt { until, then_due } => {
            format!("exempt until {}, then due {}", bounds(*until), bounds(*then_due))
        }
        DueAnswer::Unknown { because, due, .. } => {
            let because = because.iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("unknown, since {}; due {}", because.join(" and "), bounds(*due))
        }
    }
}

impl Office {
    fn new() -> Self {
        let mut page = Page::new();
        let community = page.city.community("甲社区", page.city.street("一街道"));
        page.name(community, "the community");
        let compound = compound("示例小区", community);
        let compound = page.city.register(compound, "<1900-01-01", false).unwrap();
        let district = page.city.district;
        let body = fields(Kind::Body, |fields| {
            if let Fields::Body(body) = fields {
                body.region = Some(district.try_into().ok());
                body.name = Some(Some("检测站".to_owned()));
                body.qualifications = Some(Some(licence(None)));
            }
        });
        let body = page.city.register(body, "2000", false).unwrap().try_into().unwrap();
        page.name(page.city.district, "the district");
        let office = Self { page, compound, body };
        for (table, from, text) in [
            ("grades", "2016-01-01", GRADES),
            ("colours", "2025-01-01", COLOURS),
            ("findings", "2025-01-01", FINDINGS),
            ("cycle", "2026-01-01", CYCLE),
        ] {
            office.load(table, from, text);
        }
        office
    }

    fn load(&self, table: &str, from: &str, text: &str) {
        let city = &self.page.city;
        let content = fields(Kind::Reference, |fields| {
            if let Fields::Reference(reference) = fields {
                reference.region = Some(city.city.try_into().ok());
                reference.table = Some(Some(table.to_owned()));
                reference.name = Some(Some(table.to_owned()));
                reference.edition = Some(Some("1".to_owned()));
                reference.text = Some(Some(text.to_owned()));
            }
        });
        let edition = Register {
            seed: city.seed(),
            content,
            exists_from: said(from),
            opens_partition: false,
            sentences: Vec::new(),
        };
        let load = Command::LoadReference { edition, is_correction: false };
        city.run(city.home(), load).unwrap();
    }

    fn signer(&mut self, name: &str) -> SignerId {
        let (district, body) = (self.page.city.district, self.body);
        let mut content = fields(Kind::Signer, |fields| {
            if let Fields::Signer(signer) = fields {
                signer.region = Some(district.try_into().ok());
                signer.qualifications = Some(Some(licence(None)));
                let period = Period { from: said("2010-01-01"), until: None };
                signer.employments = Some(Some(vec![Employment { body, period }]));
            }
        });
        content.shared.identifiers.insert("person".to_owned(), vec![name.replace(' ', "-")]);
        let id = self.page.city.register(content, "2000", false).unwrap();
        self.page.name(id, name).try_into().unwrap()
    }

    fn block(&mut self, name: &str, completed: &str, used: BuildingUse, life: u32) -> SubjectId {
        let mut content = building(self.compound, 1_000);
        if let Fields::Building(fields) = &mut content.fields {
            fields.completed = Some(Some(said(completed)));
            fields.design_life_years = Some(Some(life.try_into().unwrap()));
            fields.building_use = Some(Some(used));
        }
        let there = if completed == "unknown" { "<2000-01-01" } else { completed };
        let id = self.page.city.register(content, there, false).unwrap();
        self.page.name(id, name)
    }

    fn dwelling(&mut self, name: &str, completed: &str) -> SubjectId {
        self.block(name, completed, BuildingUse::Dwelling, 50)
    }

    fn run_as(&self, who: &str, command: Command) -> Result<Outcome, Error> {
        let mut call = self.page.city.call(self.page.city.home());
        call.author = Author { subject: who.to_owned(), ..Author::default() };
        self.page.city.registry.execute(call, command)
    }

    /// A report that was signed, submitted and accepted, each on the day of the inspection.
    fn accepted(
        &self,
        kind: ReportKind,
        block: SubjectId,
        inspected: &str,
        grade: Option<&str>,
        signer: SignerId,
    ) -> SubjectId {
        self.accepted_with(kind, block, inspected, grade, signer, Vec::new())
    }

    fn accepted_with(
        &self,
        kind: ReportKind,
        block: SubjectId,
        inspected: &str,
        grade: Option<&str>,
        signer: SignerId,
        findings: Vec<Sighting>,
    ) -> SubjectId {
        let content = fields(Kind::Report, |fields| {
            if let Fields::Report(report) = fields {
                report.building = Some(block.try_into().ok());
                report.kind = Some(Some(kind));
                report.body = Some(Some(self.body));
                report.grades = grade.map(|grade| Some(vec![survey(grade)]));
            }
        });
        let on = day(inspected);
        let by = Signatures { signers: [signer].into(), scope: "structure".to_owned() };
        let report = RecordReport {
            seed: self.page.city.seed(),
            content,
            inspected: on,
            findings: findings.into_iter().enumerate().collect(),
            steps: vec![(ReportStep::Sign(by), on), (ReportStep::Submit, on)],
            sentences: Vec::new(),
        };
        let done = self.run_as("the body", Command::RecordReport(Box::new(report))).unwrap();
        let id = done.decided.subjects[0];
        let report: ReportId = id.try_into().unwrap();
        let step = AdvanceReport { report, etag: None, step: ReportStep::Accept, on };
        self.run_as("the office", Command::AdvanceReport(step)).unwrap();
        id
    }

    fn check_up(
        &self,
        block: SubjectId,
        inspected: &str,
        grade: &str,
        signer: SignerId,
    ) -> SubjectId {
        self.accepted(ReportKind::CheckUp, block, inspected, Some(grade), signer)
    }

    /// A line with all that is known of a block's check-ups.
    fn tell(&mut self, block: SubjectId, valid: &str, known: KnownAt) {
        let registry = &self.page.city.registry;
        let told = registry.check_ups(building_id(block), at(valid, known)).unwrap();
        let mut line = format!("{} on {valid}: ", self.page.named(block));
        match &told.due {
            None => line.push_str("no rules"),
            Some(segment) => {
                line.push_str(&due(&segment.answer));
                if let Some((on, _)) = segment.basis.counted_from {
                    write!(line, ", counted from {on}").unwrap();
                }
            }
        }
        for grade in &told.grades {
            let doubt = if grade.is_in_doubt { " in doubt" } else { "" };
            write!(line, ", graded {}{doubt}", grade.grade.value).unwrap();
        }
        if let Some(colour) = &told.colour {
            let doubt = if colour.is_in_doubt { " in doubt" } else { "" };
            write!(line, ", {}{doubt}", colour.colour.colour.value).unwrap();
        }
        if told.open_finding_count > 0 {
            write!(line, ", {} open findings", told.open_finding_count).unwrap();
        }
        self.page.line(&line);
    }

    /// A line with what the community counts.
    fn count(&mut self, valid: &str, known: KnownAt) {
        let (registry, district) = (&self.page.city.registry, self.page.city.district);
        let totals = registry.totals_of(district, at(valid, known), Wanted::Terms).unwrap();
        let wanted = [Measure::Graded, Measure::Coloured, Measure::Due, Measure::CheckUps];
        let told = totals.termed.iter().filter(|(measure, ..)| wanted.contains(measure));
        let told = told.map(|(measure, term, certain, possible)| {
            assert_eq!(certain, possible, "{term}");
            format!("{} {term}: {certain}", measure.name())
        });
        let line = format!("the district on {valid}: {}", told.collect::<Vec<_>>().join(", "));
        self.page.line(&line);
    }

    /// A line with the due list as it is now.
    fn list(&mut self) {
        let days = DueDays { from: None, to: None, with_uncertain: false };
        let page = PageRequest { rows: 50, after: Vec::new() };
        let (registry, district) = (&self.page.city.registry, self.page.city.district);
        let (rows, _) = registry.list_due(district, days, &page).unwrap();
        let rows = rows.rows.iter();
        let rows = rows.map(|row| format!("{} {}", self.page.named(row.building.into()), row.day));
        let line = format!("the due list: {}", rows.collect::<Vec<_>>().join(", "));
        self.page.line(&line);
    }

    fn report(&mut self, what: &str, id: SubjectId) {
        let seen = self.page.city.registry.get(id, ReadTime::NOW).unwrap();
        let stand = seen.report_stand.unwrap();
        let line = format!("{what} is {}, in doubt: {:?}", stand.state.word(), stand.doubt);
        self.page.line(&line);
    }
}

#[test]
fn a_report_of_march_found_false_in_october_changes_nothing_of_what_june_was_told() {
    let mut office = Office::new();
    let signer = office.signer("the signer");
    let blocks = ["block 1", "block 2"].map(|name| office.dwelling(name, "1994-05-01"));
    office.page.city.tick("2027-03-20T02:00:00Z");
    let reports = blocks.map(|block| office.check_up(block, "2027-03-10", "A", signer));
    office.page.city.tick("2027-06-30T02:00:00Z");
    let june = office.page.head();
    office.page.line("in June 2027:");
    for block in blocks {
        office.tell(block, "2027-06-30", NOW);
    }
    office.count("2027-06-30", NOW);
    office.count("2027-03-31", NOW);

    office.page.city.tick("2027-10-08T02:00:00Z");
    let answer = office.page.city.retract(reports[0], None);
    office.page.answer("in October: nobody had been in block 1", answer);
    let mut correct = corrected(reports[1], graded("C"));
    correct.exists_from = Some(said("2027-02-20"));
    let answer = office.page.city.correct(correct);
    office.page.answer("block 2 had been seen on 2027-02-20 and was bad", answer);
    for (line, known) in [
        ("what June was told is told again:", KnownAt::Seq(june)),
        ("and what is known of June since October:", NOW),
    ] {
        office.page.line(line);
        for block in blocks {
            office.tell(block, "2027-06-30", known);
        }
        office.count("2027-06-30", known);
        office.count("2027-03-31", known);
        office.count("2027-02-28", known);
    }
    office.list();
    expect![[r"
        in June 2027:
        block 1 on 2027-06-30: due 2037-03-10, counted from 2027-03-10, graded A, green
        block 2 on 2027-06-30: due 2037-03-10, counted from 2027-03-10, graded A, green
        the district on 2027-06-30: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2
        the district on 2027-03-31: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2, check_ups_of_month check_up: 2
        in October: nobody had been in block 1: done
        block 2 had been seen on 2027-02-20 and was bad: done
        what June was told is told again:
        block 1 on 2027-06-30: due 2037-03-10, counted from 2027-03-10, graded A, green
        block 2 on 2027-06-30: due 2037-03-10, counted from 2027-03-10, graded A, green
        the district on 2027-06-30: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2
        the district on 2027-03-31: buildings_by_grade survey 2020 building whole A: 2, buildings_by_colour green: 2, buildings_by_due_state scheduled: 2, check_ups_of_month check_up: 2
        the district on 2027-02-28: buildings_by_due_state scheduled: 2
        and what is known of June since October:
        block 1 on 2027-06-30: due 2028-12-31
        block 2 on 2027-06-30: due 2037-02-20, counted from 2027-02-20, graded C, red
        the district on 2027-06-30: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2
        the district on 2027-03-31: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2
        the district on 2027-02-28: buildings_by_grade survey 2020 building whole C: 1, buildings_by_colour red: 1, buildings_by_due_state scheduled: 2, check_ups_of_month check_up: 1
        the due list: block 1 2028-12-31, block 2 2037-02-20
    "]].assert_eq(&office.page.text);
}

#[test]
fn a_paper_that_comes_late_takes_its_place_by_the_day_of_the_inspection() {
    let mut office = Office::new();
    let signer = office.signer("the signer");
    let block = office.dwelling("the block", "1988-05-01");
    office.tell(block, "2026-11-23", NOW);
    office.check_up(block, "2018-04-10", "B", signer);
    office.page.line("the check-up of 2018-04-10 is there:");
    office.tell(block, "2026-11-23", NOW);
    let before = office.page.head();
    office.check_up(block, "2024-09-01", "A", signer);
    office.page.line("the paper of 2024-09-01 comes:");
    office.tell(block, "2026-11-23", NOW);
    office.check_up(block, "2020-07-01", "C", signer);
    office.page.line("the paper of 2020-07-01, before it, comes after it:");
    office.tell(block, "2026-11-23", NOW);
    office.tell(block, "2022-01-01", NOW);
    office.list();
    office.page.line("as was known before the papers came:");
    let before = KnownAt::Seq(before);
    office.tell(block, "2026-11-23", before);
    expect![[r"
        the block on 2026-11-23: due 2027-12-31
        the check-up of 2018-04-10 is there:
        the block on 2026-11-23: due 2028-04-10, counted from 2018-04-10, graded B, orange
        the paper of 2024-09-01 comes:
        the block on 2026-11-23: due 2034-09-01, counted from 2024-09-01, graded A, green
        the paper of 2020-07-01, before it, comes after it:
        the block on 2026-11-23: due 2034-09-01, counted from 2024-09-01, graded A, green
        the block on 2022-01-01: unknown, since no rule set is in force; due never, graded C
        the due list: the block 2034-09-01
        as was known before the papers came:
        the block on 2026-11-23: due 2028-04-10, counted from 2018-04-10, graded B, orange
    "]]
    .assert_eq(&office.page.text);
}

#[test]
fn a_signer_found_invalid_puts_all_that_he_signed_in_doubt_until_that_is_corrected() {
    let mut office = Office::new();
    let (li, wang) = (office.signer("signer li"), office.signer("signer wang"));
    let blocks = ["block 1", "block 2", "block 3"].map(|name| office.dwelling(name, "1980-05-01"));
    let signers = [li, li, wang];
    let mut reports = Vec::new();
    for (block, signer) in blocks.into_iter().zip(signers) {
        reports.push(office.check_up(block, "2026-03-01", "A", signer));
    }
    let tell = |office: &mut Office, line: &str| {
        office.page.line(line);
        for (index, block) in blocks.into_iter().enumerate() {
            office.tell(block, "2026-11-23", NOW);
            office.report("its report", reports[index]);
        }
        office.count("2026-11-23", NOW);
        office.list();
    };
    tell(&mut office, "all is well:");
    let before = office.page.head();
    let answer = office.page.city.correct(corrected(li.into(), licensed(Some("2025-12-31"))));
    let wrong = office.page.answer("li's licence had run out with 2025", answer).unwrap();
    tell(&mut office, "in one act:");
    office.page.line("as was known before:");
    let before = KnownAt::Seq(before);
    office.tell(blocks[0], "2026-11-23", before);
    office.count("2026-11-23", before);
    let mut correct = corrected(li.into(), licensed(None));
    correct.entry = wrong.entries.first().copied();
    let answer = office.page.city.correct(correct);
    office.page.answer("it had not: the licence had been renewed", answer);
    tell(&mut office, "and all is well again:");
    expect![[r"
        all is well:
        block 1 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        block 2 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        block 3 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        the district on 2026-11-23: buildings_by_grade survey 2020 building whole A: 3, buildings_by_colour green: 3, buildings_by_due_state scheduled: 3
        the due list: block 1 2031-03-01, block 2 2031-03-01, block 3 2031-03-01
        li's licence had run out with 2025: done
        in one act:
        block 1 on 2026-11-23: due 2026-12-31, graded A in doubt, green in doubt
        its report is accepted, in doubt: Yes
        block 2 on 2026-11-23: due 2026-12-31, graded A in doubt, green in doubt
        its report is accepted, in doubt: Yes
        block 3 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        the district on 2026-11-23: buildings_by_grade survey 2020 building whole A: 1, buildings_by_grade survey 2020 building whole A in_doubt: 2, buildings_by_colour green: 1, buildings_by_colour green in_doubt: 2, buildings_by_due_state scheduled: 3
        the due list: block 1 2026-12-31, block 2 2026-12-31, block 3 2031-03-01
        as was known before:
        block 1 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        the district on 2026-11-23: buildings_by_grade survey 2020 building whole A: 3, buildings_by_colour green: 3, buildings_by_due_state scheduled: 3
        it had not: the licence had been renewed: done
        and all is well again:
        block 1 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        block 2 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        block 3 on 2026-11-23: due 2031-03-01, counted from 2026-03-01, graded A, green
        its report is accepted, in doubt: No
        the district on 2026-11-23: buildings_by_grade survey 2020 building whole A: 3, buildings_by_colour green: 3, buildings_by_due_state scheduled: 3
        the due list: block 1 2031-03-01, block 2 2031-03-01, block 3 2031-03-01
    "]].assert_eq(&office.page.text);
}

fn crack(source: Source, who: &str, severity: Severity) -> Observation {
    Observation {
        source,
        observer: PartyKey(who.to_owned()),
        class: "STR.CRACK".to_owned(),
        severity,
        place: Place { floor: Some(3), ..Place::default() },
        report: None,
    }
}

impl Office {
    fn sighting(&self, which: Option<FindingId>, on: &str, seen: Observation) -> Sighting {
        Sighting {
            finding: which.map_or_else(|| Which::New(self.page.city.seed()), Which::Known),
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            observation: seen,
        }
    }

    fn observe(
        &mut self,
        what: &str,
        block: SubjectId,
        etag: Option<u64>,
        observed: Sighting,
    ) -> Option<FindingId> {
        let building = building_id(block);
        let observe = ObserveFinding { building, etag, observed };
        let answer = self.run_as("a tablet", Command::ObserveFinding(Box::new(observe)));
        let done = self.page.answer(what, answer)?;
        done.decided.subjects[0].try_into().ok()
    }

    fn finding(&mut self, id: FindingId) {
        let found = self.page.city.registry.finding(id, ReadTime::NOW).unwrap();
        let view = found.view.unwrap();
        let seen = view.observations.iter().map(|(_, on, seen)| {
            format!("{} on {on} as {}", seen.observer.0, seen.severity.word())
        });
        let line = format!(
            "the finding: {}, {} numbers, seen by {}",
            found.aged.unwrap().severity.word(),
            found.numbers.len(),
            seen.collect::<Vec<_>>().join(", by ")
        );
        self.page.line(&line);
    }
}

#[test]
fn one_crack_seen_by_two_inspectors_offline_and_an_insurer_is_one_finding_seen_thrice() {
    let mut office = Office::new();
    let signer = office.signer("the signer");
    let block = office.dwelling("the block", "1988-05-01");
    office.check_up(block, "2020-06-01", "B", signer);
    office.tell(block, "2026-11-23", NOW);

    // Zhang's tablet is a day ahead, Li's half a century behind.
    let seen = crack(Source::Inspector, "zhang", Severity::Watch);
    let ahead = office.sighting(None, "2026-11-24", seen.clone());
    office.observe("zhang saw a crack tomorrow", block, None, ahead);
    let set = office.sighting(None, "2026-11-20", seen);
    let one = office.observe("zhang saw it on 2026-11-20", block, None, set).unwrap();
    let seen = crack(Source::Inspector, "li", Severity::Unsafe);
    let behind = office.sighting(None, "1970-01-01", seen.clone());
    office.observe("li saw a crack in 1970", block, None, behind);
    let set = office.sighting(None, "2026-11-19", seen);
    let two = office.observe("li saw it on 2026-11-19", block, None, set).unwrap();
    let alike = office.page.city.registry.look_alikes(one, ReadTime::NOW).unwrap();
    assert_eq!(alike, [two]);
    office.page.line("the office is told that they may be the same");
    office.tell(block, "2026-11-23", NOW);

    let merge = Merge {
        kind: Kind::Finding,
        subjects: vec![two.into()],
        day: day("2026-11-22"),
        into: MergeInto::Existing(one.into()),
    };
    let answer = office.run_as("the office", Command::Merge(merge));
    office.page.answer("the office joins them", answer);
    office.finding(one);

    // The insurer had read the finding; meanwhile the owners are notified, by the number that Li had.
    let read = office.page.last(one.into());
    let notice = FollowFinding {
        finding: two,
        etag: None,
        on: day("2026-11-22"),
        second_of_day: None,
        order_key: Vec::new(),
        saying: Saying::Notified { deadline: None },
    };
    let answer = office.run_as("the office", Command::FollowFinding(notice));
    office.page.answer("the owners are notified", answer);
    let visit = crack(Source::Insurer, "the insurer", Severity::RepairBy);
    let stale = office.sighting(Some(one), "2026-11-22", visit.clone());
    office.observe("the insurer adds to what it had read", block, read, stale);
    let sighting = office.sighting(Some(one), "2026-11-22", visit);
    office.accepted_with(ReportKind::Patrol, block, "2026-11-22", None, signer, vec![sighting]);
    office.page.line("the insurer's patrol, accepted, adds to what is there now");
    office.finding(one);
    office.tell(block, "2026-11-23", NOW);
    expect![[r"
        the block on 2026-11-23: due 2030-06-01, counted from 2020-06-01, graded B, orange
        zhang saw a crack tomorrow: refused, 2026-11-24 is still to come, and this can only be observed
        zhang saw it on 2026-11-20: done
        li saw a crack in 1970: refused, the building was not there yet on 1970-01-01
        li saw it on 2026-11-19: done
        the office is told that they may be the same
        the block on 2026-11-23: due 2030-06-01, counted from 2020-06-01, graded B, orange, 2 open findings
        the office joins them: done
        the finding: unsafe, 2 numbers, seen by li on 2026-11-19 as unsafe, by zhang on 2026-11-20 as watch
        the owners are notified: done
        the insurer adds to what it had read: refused, its last entry is 21, not 20: read it again
        the insurer's patrol, accepted, adds to what is there now
        the finding: unsafe, 2 numbers, seen by li on 2026-11-19 as unsafe, by zhang on 2026-11-20 as watch, by the insurer on 2026-11-22 as repair_by
        the block on 2026-11-23: due 2030-06-01, counted from 2020-06-01, graded B, orange, 1 open findings
    "]].assert_eq(&office.page.text);
}

/// What a row of the table says: the block, its completion, use and design life, and check-ups.
type Row = (&'static str, BuildingUse, u32, &'static [&'static str]);

const TABLE: &[(&str, &[Row])] = {
    use BuildingUse::{Commerce, Dwelling, Mixed};
    &[
        (
            "a dwelling of less than 30 years is exempt",
            &[
                ("1996-11-24", Dwelling, 50, &[]),
                ("1996-11-23", Dwelling, 50, &[]),
                ("1996-12", Dwelling, 50, &[]),
                ("1996-11", Dwelling, 50, &[]),
                ("1996-10", Dwelling, 50, &[]),
                ("1997", Dwelling, 50, &[]),
                ("1996", Dwelling, 50, &[]),
                ("1990s", Dwelling, 50, &[]),
            ],
        ),
        (
            "of 30 years and more, within its design life, it is seen every 10 years",
            &[
                ("1995", Dwelling, 50, &["2020-06-01"]),
                ("1980s", Dwelling, 70, &["2020-06-01"]),
                ("1988-05-01", Dwelling, 50, &["2016-06-01"]),
            ],
        ),
        (
            "with its design life reached, every 5 years",
            &[
                ("1976-11-24", Dwelling, 50, &["2024-06-01"]),
                ("1976-11-23", Dwelling, 50, &["2024-06-01"]),
                ("1977", Dwelling, 50, &["2024-06-01"]),
                ("1976", Dwelling, 50, &["2024-06-01"]),
                ("1976", Dwelling, 50, &["2020-06-01"]),
                ("1975", Dwelling, 50, &["2024-06-01"]),
            ],
        ),
        (
            "a non-dwelling with its design life reached, every 2 years",
            &[
                ("1976-11-24", Commerce, 50, &["2025-06-01"]),
                ("1976-11-23", Commerce, 50, &["2025-06-01"]),
                ("1976", Commerce, 50, &["2025-06-01"]),
                ("1975", Commerce, 50, &["2025-06-01"]),
                ("1975", Mixed, 50, &["2025-06-01"]),
            ],
        ),
        (
            "first check-ups: to 1985 by 2026, to 1990 by 2027, to 1995 by 2028",
            &[
                ("<1985", Dwelling, 50, &[]),
                ("1985-12-31", Dwelling, 50, &[]),
                ("1985..1986", Dwelling, 50, &[]),
                ("1986-01-01", Dwelling, 50, &[]),
                ("1990-12-31", Dwelling, 50, &[]),
                ("1990-12..1991-01", Dwelling, 50, &[]),
                ("1991-01-01", Dwelling, 50, &[]),
                ("1995-12-31", Dwelling, 50, &[]),
                ("1995-12..1996-01", Dwelling, 50, &[]),
                ("1996-01-01", Dwelling, 50, &[]),
                ("unknown", Dwelling, 50, &[]),
            ],
        ),
    ]
};

#[test]
fn the_table_of_zhengzhou_s_draft_is_kept_row_by_row() {
    let mut office = Office::new();
    let signer = office.signer("the signer");
    for (title, rows) in TABLE {
        office.page.line(title);
        for (completed, used, life, checked) in *rows {
            let checks =
                checked.iter().map(|on| format!(", seen {on}")).collect::<Vec<_>>().concat();
            let name = format!("  {completed} {used:?}, made for {life} years{checks},");
            let block = office.block(&name, completed, *used, *life);
            for on in *checked {
                office.check_up(block, on, "A", signer);
            }
            office.tell(block, "2026-11-23", NOW);
        }
    }
    expect![[r"
        a dwelling of less than 30 years is exempt
          1996-11-24 Dwelling, made for 50 years, on 2026-11-23: exempt until 2026-11-24, then due 2026-11-24
          1996-11-23 Dwelling, made for 50 years, on 2026-11-23: due 2026-11-23
          1996-12 Dwelling, made for 50 years, on 2026-11-23: exempt until 2026-12-01..2026-12-31, then due 2026-12-01..2026-12-31
          1996-11 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-11-01..2026-11-30
          1996-10 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-10-01..2026-10-31
          1997 Dwelling, made for 50 years, on 2026-11-23: exempt until 2027-01-01..2027-12-31, then due 2027-01-01..2027-12-31
          1996 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-01-01..2026-12-31
          1990s Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-01-01..2029-12-31
        of 30 years and more, within its design life, it is seen every 10 years
          1995 Dwelling, made for 50 years, seen 2020-06-01, on 2026-11-23: due 2030-06-01, counted from 2020-06-01, graded A, green
          1980s Dwelling, made for 70 years, seen 2020-06-01, on 2026-11-23: due 2030-06-01, counted from 2020-06-01, graded A, green
          1988-05-01 Dwelling, made for 50 years, seen 2016-06-01, on 2026-11-23: due 2026-06-01, counted from 2016-06-01, graded A, green
        with its design life reached, every 5 years
          1976-11-24 Dwelling, made for 50 years, seen 2024-06-01, on 2026-11-23: due 2029-06-01, counted from 2024-06-01, graded A, green
          1976-11-23 Dwelling, made for 50 years, seen 2024-06-01, on 2026-11-23: due 2029-06-01, counted from 2024-06-01, graded A, green
          1977 Dwelling, made for 50 years, seen 2024-06-01, on 2026-11-23: due 2029-06-01, counted from 2024-06-01, graded A, green
          1976 Dwelling, made for 50 years, seen 2024-06-01, on 2026-11-23: due 2029-06-01, counted from 2024-06-01, graded A, green
          1976 Dwelling, made for 50 years, seen 2020-06-01, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-01-01..2026-12-31, counted from 2020-06-01, graded A, green
          1975 Dwelling, made for 50 years, seen 2024-06-01, on 2026-11-23: due 2029-06-01, counted from 2024-06-01, graded A, green
        a non-dwelling with its design life reached, every 2 years
          1976-11-24 Commerce, made for 50 years, seen 2025-06-01, on 2026-11-23: unknown, since no rule covers such a building; due 2027-06-01, counted from 2025-06-01, graded A, green
          1976-11-23 Commerce, made for 50 years, seen 2025-06-01, on 2026-11-23: due 2027-06-01, counted from 2025-06-01, graded A, green
          1976 Commerce, made for 50 years, seen 2025-06-01, on 2026-11-23: unknown, since no rule covers such a building and the completion date straddles a limit; due 2027-06-01, counted from 2025-06-01, graded A, green
          1975 Commerce, made for 50 years, seen 2025-06-01, on 2026-11-23: due 2027-06-01, counted from 2025-06-01, graded A, green
          1975 Mixed, made for 50 years, seen 2025-06-01, on 2026-11-23: unknown, since no rule covers such a building; due never, graded A, green
        first check-ups: to 1985 by 2026, to 1990 by 2027, to 1995 by 2028
          <1985 Dwelling, made for 50 years, on 2026-11-23: due 2026-12-31
          1985-12-31 Dwelling, made for 50 years, on 2026-11-23: due 2026-12-31
          1985..1986 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-12-31..2027-12-31
          1986-01-01 Dwelling, made for 50 years, on 2026-11-23: due 2027-12-31
          1990-12-31 Dwelling, made for 50 years, on 2026-11-23: due 2027-12-31
          1990-12..1991-01 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2027-12-31..2028-12-31
          1991-01-01 Dwelling, made for 50 years, on 2026-11-23: due 2028-12-31
          1995-12-31 Dwelling, made for 50 years, on 2026-11-23: due 2028-12-31
          1995-12..1996-01 Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date straddles a limit; due 2026-01-01..2028-12-31
          1996-01-01 Dwelling, made for 50 years, on 2026-11-23: due 2026-01-01
          unknown Dwelling, made for 50 years, on 2026-11-23: unknown, since the completion date is missing; due 2026-01-01..never
    "]].assert_eq(&office.page.text);
}

impl Office {
    /// A line with how a finding stands.
    fn stage(&mut self, id: FindingId) {
        let view = self.page.city.registry.finding(id, ReadTime::NOW).unwrap().view.unwrap();
        self.page.line(&format!("the finding: {} since {}", view.stage.word(), view.since));
    }

    /// A line with the entries of a subject: what, and from when.
    fn history(&mut self, id: SubjectId) {
        let rows = PageRequest { rows: 100, after: Vec::new() };
        let rows = self.page.city.registry.history(id, NOW, &rows).unwrap().rows;
        let rows = rows.iter().map(|row| {
            let word = row.entry.body.as_ref().unwrap().fact.word();
            format!("{word} {}", row.entry.valid_from.unwrap())
        });
        let line = format!("{}: {}", self.page.named(id), rows.collect::<Vec<_>>().join(", "));
        self.page.line(&line);
    }
}

/// Case 1 of the hard ones, as far as there are no policies, funds and renovations yet.
#[test]
fn case_1_a_block_is_demolished_while_units_and_an_open_finding_live_in_it() {
    let mut office = Office::new();
    let signer = office.signer("the signer");
    let block = office.dwelling("the block", "1988-05-01");
    let flats = ["the first flat", "the second flat"].map(|name| {
        let flat = office.page.city.unit(block, "1988-05-01");
        office.page.name(flat, name)
    });
    office.check_up(block, "2020-06-01", "B", signer);
    let seen = office.sighting(None, "2026-01-10", crack(Source::Patrol, "wang", Severity::Unsafe));
    let finding = office.observe("a crack is seen on 2026-01-10", block, None, seen).unwrap();
    let (before, district) = (office.page.head(), office.page.city.district);
    office.list();
    let answer = demolish(&office.page.city, block, "2026-03-01");
    office.page.answer("demolished on 2026-03-01", answer);
    for valid in ["2026-02-28", "2026-03-01"] {
        office.page.totals(district, valid, NOW);
        for id in [block, flats[0], flats[1]] {
            office.page.life(id, valid);
        }
    }
    office.stage(finding);
    office.list();
    let end = office.page.city.registry.get(block, ReadTime::NOW).unwrap().end.unwrap();
    office.page.line(&format!("its end: {:?} on {}", end.cause, end.day));

    office.page.line("what was there is readable:");
    office.tell(block, "2026-02-28", NOW);
    for id in [block, flats[0], finding.into()] {
        office.history(id);
    }
    office.page.line("as was known before:");
    office.page.totals(district, "2026-03-01", KnownAt::Seq(before));

    office.page.line("and nothing more is said of it:");
    let late = office.sighting(None, "2026-04-01", crack(Source::Patrol, "wang", Severity::Watch));
    office.observe("a crack is seen on 2026-04-01", block, None, late);
    let answer = office.page.city.change(block, "2026-04-01", floor_area(900));
    office.page.answer("measured again on 2026-04-01", answer);
    expect![[r"
        a crack is seen on 2026-01-10: done
        the due list: the block 2030-06-01
        demolished on 2026-03-01: done
        the district on 2026-02-28: 1 buildings 1000 m², 2 units, 1 compounds
        the block on 2026-02-28: is there
        the first flat on 2026-02-28: is there
        the second flat on 2026-02-28: is there
        the district on 2026-03-01: 0 buildings 0 m², 0 units, 1 compounds
        the block on 2026-03-01: is there no more
        the first flat on 2026-03-01: is there no more
        the second flat on 2026-03-01: is there no more
        the finding: object_gone since 2026-03-01
        the due list: 
        its end: Demolished on 2026-03-01
        what was there is readable:
        the block on 2026-02-28: due 2030-06-01, counted from 2020-06-01, graded B, orange, 1 open findings
        the block: registered 1988-05-01, ended 2026-03-01
        the first flat: registered 1988-05-01, ended 2026-03-01
        finding: registered 2026-01-10, changed 2026-03-01
        as was known before:
        the district on 2026-03-01: 1 buildings 1000 m², 2 units, 1 compounds
        and nothing more is said of it:
        a crack is seen on 2026-04-01: refused, the building was not there on 2026-04-01
        measured again on 2026-04-01: refused, something is said of days when it certainly is no more: what is said now holds from 2026-04-01
    "]].assert_eq(&office.page.text);
}
