//! Three years of check-ups as they are made up: what happens to a building, line by line.
//!
//! A story depends on nothing but the building's place in its district's list, so every demo tells
//! the same. Nothing in it is real.

use crate::{
    kernel::time::Day,
    proto::v1::{
        Assessed, EmergencyMeasure, FindingSaying, GradeScale, Included, Measure, Notified,
        ObservationSource, Plain, Repair, ReportKind, Severity, Verification,
        finding_saying::Saying,
    },
};

/// The years of the plans.
pub(super) const YEARS: [i16; 3] = [2024, 2025, 2026];
/// How many stories there are before they begin again with other days.
pub(super) const STORIES: usize = 24;

/// Something that happens to a building. Reports and findings are told by their number in the
/// story, in the order in which they come up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Act {
    /// The last day that it speaks of: before it, nobody can say it.
    pub on: Day,
    /// What happens.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A report comes in.
    Record(Paper),
    /// A step that is taken with a report.
    Step(usize, Step),
    /// A report turns out to be of another day.
    Redate {
        /// The report.
        report: usize,
        /// The right day of the inspection.
        inspected: Day,
    },
    /// Somebody sees a defect, without a report.
    See(Seen),
    /// An office, a repairer or another party says something of a finding.
    Say {
        /// The finding.
        finding: usize,
        /// What.
        saying: Saying,
        /// Why, where it says so.
        reason: &'static str,
    },
    /// Two findings were one.
    Merge {
        /// The one that leads to the other from now on.
        from: usize,
        /// The one that goes on.
        into: usize,
    },
}

/// A report as it comes in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Paper {
    /// What kind of report.
    pub kind: ReportKind,
    /// The day of the inspection.
    pub inspected: Day,
    /// The grade.
    pub grade: Option<(GradeScale, &'static str, &'static str)>,
    /// What it found.
    pub found: Vec<Seen>,
    /// How far it has come when it comes in.
    pub stands: Stands,
    /// Whether it asks for an appraisal.
    pub triggers_appraisal: bool,
    /// Whether it answers the building's order.
    pub is_ordered: bool,
    /// Whether it is signed by the one who was not entitled to, as was found later.
    pub by_the_lapsed: bool,
}

/// How far a report has come when it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// A draft.
    Drafted,
    /// Signed a week after the inspection.
    Signed,
    /// And submitted two days later.
    Submitted,
}

/// A step of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is accepted.
    Accept,
    /// It is returned, with a reason.
    Return,
    /// The report with this number takes its place.
    SupersededBy(usize),
}

/// What somebody saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The finding, when it is known.
    pub known: Option<usize>,
    /// Who saw it.
    pub source: ObservationSource,
    /// The class's code.
    pub class: &'static str,
    /// How bad it looked.
    pub severity: Severity,
    /// Where.
    pub part: &'static str,
}

/// What happens to the building with this number in its district's list.
pub(super) fn of_building(number: usize) -> Vec<Act> {
    let mut story = Story::of(number);
    story.tell();
    story.acts
}

/// What happens to a house of shops: looked at in the spring of 2024 and, two years later, due.
pub(super) fn of_shops() -> Vec<Act> {
    let mut story = Story { number: 0, year: 2024, day: 0, acts: Vec::new() };
    story.sound();
    story.acts
}

/// The year in whose plan the building is; all buildings with a story are in one.
pub(super) fn planned_in(number: usize) -> i16 {
    match number % STORIES {
        0 => 2024,
        2..=5 | 9 | 10 | 12 | 13 | 14 => 2026,
        _ => 2025,
    }
}

struct Story {
    number: usize,
    year: i16,
    /// The day of the first inspection, counted from the first of March.
    day: i32,
    acts: Vec<Act>,
}

const fn seen(class: &'static str, severity: Severity, part: &'static str) -> Seen {
    Seen { known: None, source: ObservationSource::Inspector, class, severity, part }
}

fn by(who: &str) -> Repair {
    Repair { repairer: format!("example-{who}") }
}

fn planned() -> Saying {
    Saying::Planned(by("builder"))
}

fn began() -> Saying {
    Saying::RepairBegan(by("builder"))
}

fn fixed() -> Saying {
    Saying::ReportedFixed(by("builder"))
}

fn verifier() -> Verification {
    Verification { verifier: "example-office".to_owned() }
}

fn notified() -> Saying {
    Saying::Notified(Notified::default())
}

impl Story {
    fn of(number: usize) -> Self {
        let year = planned_in(number);
        let spread = i32::try_from(number * 7 % 60).unwrap_or(0);
        Self { number, year, day: spread, acts: Vec::new() }
    }

    /// So many days after the first inspection.
    fn after(&self, days: i32) -> Day {
        let first = Day::from_ymd(self.year, 3, 1).map_or(0, Day::number);
        Day::from_number(first + self.day + days).unwrap_or(Day::MAX)
    }

    fn act(&mut self, days: i32, what: What) {
        self.acts.push(Act { on: self.after(days), what });
    }

    fn say(&mut self, days: i32, saying: Saying) {
        self.act(days, What::Say { finding: 0, saying, reason: "" });
    }

    fn say_why(&mut self, days: i32, saying: Saying, reason: &'static str) {
        self.act(days, What::Say { finding: 0, saying, reason });
    }

    fn check_up(&self, days: i32, value: &'static str, found: Vec<Seen>) -> Paper {
        Paper {
            kind: ReportKind::CheckUp,
            inspected: self.after(days),
            grade: Some((GradeScale::Condition, "1984", value)),
            found,
            stands: Stands::Submitted,
            triggers_appraisal: false,
            is_ordered: true,
            by_the_lapsed: false,
        }
    }

    /// Comes in as far as it stands, so many days after the first inspection.
    fn record(&mut self, days: i32, paper: Paper) {
        self.act(days, What::Record(paper));
    }

    fn accepted(&mut self, report: usize, days: i32, paper: Paper) {
        self.record(days + 9, paper);
        self.act(days + 20, What::Step(report, Step::Accept));
    }

    fn sound(&mut self) {
        let value = if self.number.is_multiple_of(2) { "sound" } else { "mostly_sound" };
        let paper = self.check_up(0, value, Vec::new());
        self.accepted(0, 0, paper);
    }

    /// An accepted check-up with one finding to be repaired.
    fn found(&mut self, class: &'static str, severity: Severity, part: &'static str) {
        let value = if severity == Severity::Watch { "mostly_sound" } else { "damaged" };
        let paper = self.check_up(0, value, vec![seen(class, severity, part)]);
        self.accepted(0, 0, paper);
    }

    fn beside(&self, kind: ReportKind, days: i32, found: Vec<Seen>) -> Paper {
        let grade = None;
        Paper { kind, grade, is_ordered: false, ..self.check_up(days, "", found) }
    }

    fn tell(&mut self) {
        match self.number % STORIES {
            0..=2 => self.whole(),
            3 => self.under_way(Stands::Drafted),
            4 => self.under_way(Stands::Signed),
            5 => self.under_way(Stands::Submitted),
            6 => self.returned(),
            7 => self.superseded(),
            8 => self.watched(),
            9 => self.patrolled(),
            10..=14 => self.repairing(),
            15 | 16 => self.repaired(),
            17 => {
                self.found("ENV.RACK", Severity::RepairBy, "北立面空调支架");
                self.say(30, notified());
                let waived = Saying::Waived(Plain {});
                self.say_why(60, waived, "示例：整楼改造时一并拆除");
            }
            18 => {
                self.found("ENV.RAILING", Severity::RepairBy, "顶层阳台栏杆");
                self.say(30, notified());
                self.say_why(75, Saying::ObjectGone(Plain {}), "示例：栏杆已随阳台改造拆除");
            }
            19 => self.appraised(),
            20 => self.late_paper(),
            21 => self.corrected(),
            22 => self.seen_twice(),
            _ => {
                let mut paper = self.check_up(0, "sound", Vec::new());
                paper.by_the_lapsed = true;
                self.accepted(0, 0, paper);
            }
        }
    }

    /// Nothing was found; in the second round a storm came, and somebody looked again.
    fn whole(&mut self) {
        self.sound();
        if self.number >= STORIES {
            let leak = seen("ROF.LEAK", Severity::RepairBy, "屋面东南角");
            let ponding = seen("ROF.PONDING", Severity::Watch, "屋面天沟");
            let paper = self.beside(ReportKind::SpecialCheck, 60, vec![leak, ponding]);
            self.accepted(1, 60, paper);
        }
    }

    fn under_way(&mut self, stands: Stands) {
        let crack = seen("STR.CRACK", Severity::Watch, "东山墙");
        let paper = Paper { stands, ..self.check_up(0, "mostly_sound", vec![crack]) };
        self.record(9, paper);
    }

    fn returned(&mut self) {
        let paper = self.check_up(0, "sound", Vec::new());
        self.record(9, paper);
        self.act(20, What::Step(0, Step::Return));
    }

    fn superseded(&mut self) {
        self.returned();
        let leak = seen("ROF.LEAK", Severity::Watch, "屋面北侧");
        let paper = self.check_up(25, "mostly_sound", vec![leak]);
        self.accepted(1, 25, paper);
        self.act(46, What::Step(0, Step::SupersededBy(1)));
    }

    /// Three defects of three kinds: the house counts once for each indicator, and once in all.
    fn watched(&mut self) {
        let crack = seen("STR.CRACK", Severity::Watch, "三层走廊");
        let clutter = seen("STA.CLUTTER", Severity::Watch, "三层走廊");
        let meter = seen("GAS.METER", Severity::Watch, "三层厨房");
        let paper = self.check_up(0, "mostly_sound", vec![crack, clutter, meter]);
        self.accepted(0, 0, paper);
        self.say(30, Saying::Monitored(Plain {}));
    }

    /// Found, and seen by the patrol as well; nobody was told yet.
    fn patrolled(&mut self) {
        self.found("STA.CLUTTER", Severity::RepairBy, "一层楼道");
        let again = Seen {
            known: Some(0),
            source: ObservationSource::Patrol,
            ..seen("STA.CLUTTER", Severity::RepairBy, "一层楼道")
        };
        let paper = self.beside(ReportKind::Patrol, 40, vec![again]);
        self.record(49, paper);
    }

    /// On the way from the notice to the repair, each story one step further than the last.
    fn repairing(&mut self) {
        let story = self.number % STORIES;
        let (class, part) = match story {
            10 => ("WAT.PIPE", "地下室主管"),
            11 => ("ENV.FINISH", "南立面饰面"),
            12 => ("ELE.WIRING", "公共照明线路"),
            13 => ("ENV.INSULATION", "西山墙保温层"),
            _ => ("FIR.EQUIPMENT", "楼道消火栓"),
        };
        self.found(class, Severity::RepairBy, part);
        self.say(30, notified());
        if story >= 12 {
            self.say(45, planned());
        }
        if story >= 13 {
            let measure = EmergencyMeasure::Fence.into();
            self.say(50, Saying::MeasureTaken(Measure { measure }));
            self.say(60, began());
        }
        if story >= 14 {
            self.say(90, fixed());
            let measure = EmergencyMeasure::Fence.into();
            self.say(91, Saying::MeasureLifted(Measure { measure }));
        }
    }

    /// Repaired at the second attempt, verified by another party and, in one story, closed.
    fn repaired(&mut self) {
        self.found("FND.SETTLEMENT", Severity::RepairBy, "北侧散水");
        self.say(30, notified());
        self.say(60, began());
        self.say(90, fixed());
        self.say_why(100, Saying::VerificationFailed(verifier()), "示例：只修了一半");
        self.say(120, fixed());
        self.say(130, Saying::Verified(verifier()));
        if self.number % STORIES == 16 {
            self.say(140, Saying::Closed(Plain {}));
        }
    }

    /// So bad that an appraisal was asked for; the house is to be renovated.
    fn appraised(&mut self) {
        let tilt = seen("STR.TILT", Severity::RepairBy, "整幢向北");
        let mut paper = self.check_up(0, "badly_damaged", vec![tilt]);
        paper.triggers_appraisal = true;
        self.accepted(0, 0, paper);
        let measure = EmergencyMeasure::Evacuation.into();
        self.say(22, Saying::MeasureTaken(Measure { measure }));
        let mut paper = self.beside(ReportKind::Appraisal, 40, Vec::new());
        paper.grade = Some((GradeScale::DangerousHouse, "JGJ125-2016", "C"));
        self.accepted(1, 40, paper);
        let assessed = Assessed { class: "STR.TILT".to_owned(), severity: Severity::Unsafe.into() };
        self.say_why(62, Saying::Assessed(assessed), "示例：鉴定为局部危房");
        self.say(63, notified());
        let project_id = format!("{:032x}", 0x0e_0000 + self.number);
        self.say(80, Saying::Included(Included { project_id }));
    }

    /// The paper of the year before comes in after that of the year.
    fn late_paper(&mut self) {
        self.sound();
        let wiring = seen("ELE.WIRING", Severity::Watch, "电表箱");
        let mut paper = self.check_up(-300, "damaged", vec![wiring]);
        paper.is_ordered = false;
        self.accepted(1, -300, paper);
    }

    /// The inspection turns out to have been a month earlier.
    fn corrected(&mut self) {
        self.sound();
        let inspected = self.after(-30);
        self.act(120, What::Redate { report: 0, inspected });
    }

    /// The inspector and the owner saw the same, neither knowing of the other.
    fn seen_twice(&mut self) {
        self.found("GAS.RISER", Severity::RepairBy, "2单元立管");
        let of_owner = Seen {
            source: ObservationSource::Owner,
            ..seen("GAS.RISER", Severity::Unsafe, "2单元立管")
        };
        self.act(2, What::See(of_owner));
        self.act(35, What::Merge { from: 1, into: 0 });
        self.say(36, notified());
    }
}

/// The saying as the API takes it.
pub(super) fn said(saying: Saying) -> FindingSaying {
    FindingSaying { saying: Some(saying) }
}
