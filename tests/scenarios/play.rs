//! Plays a scenario on a floor and writes down what it answers.
//!
//! Ids never appear: names go in for them, and what has no name is told by its kind. Lists whose
//! order depends on ids are put in the order of the names.

use std::{collections::BTreeMap, fmt::Write as _};

use anju::kernel::{id::SubjectId, time::Day};

use crate::{
    floor::{
        Act, ClaimStep, Correct, Done, DueView, FindingView, Floor, Into, Known, Relative, Said,
        Saying, Step, Time, Total, View, Wrong,
    },
    reader::{Asking, Doing, Line, Question, Until},
};

/// Plays all lines on a floor: the scenario with its answers beneath the lines.
pub(crate) fn play(lines: &[(String, Line)], floor: &mut dyn Floor) -> String {
    let mut player = Player { floor, ids: BTreeMap::new(), steps: BTreeMap::new(), today: None };
    let mut page = String::new();
    for (text, line) in lines {
        writeln!(page, "{text}").unwrap();
        for answer in player.line(text, line) {
            writeln!(page, "{}", format!("    {answer}").trim_end()).unwrap();
        }
    }
    page
}

struct Player<'f> {
    floor: &'f mut dyn Floor,
    ids: BTreeMap<String, String>,
    /// The steps with names: what came of them.
    steps: BTreeMap<String, Done>,
    today: Option<Day>,
}

impl Player<'_> {
    fn line(&mut self, text: &str, line: &Line) -> Vec<String> {
        match line {
            Line::Remark => Vec::new(),
            Line::Today(day) => {
                self.today = Some(*day);
                self.floor.tick(*day);
                Vec::new()
            }
            Line::Do(doing) => self.done(text, doing),
            Line::Ask(asking) => {
                let answer = self.asked(text, asking);
                answer.unwrap_or_else(|wrong| refused(&wrong))
            }
        }
    }

    fn step(&self, text: &str, name: &str) -> &Done {
        self.steps.get(name).unwrap_or_else(|| panic!("`{text}`: no step is called {name}"))
    }

    fn done(&mut self, text: &str, doing: &Doing) -> Vec<String> {
        let mut act = doing.act.clone();
        for id in named_in(&mut act) {
            let known = self.ids.get(id);
            *id = known.unwrap_or_else(|| panic!("`{text}`: {id} was refused above")).clone();
        }
        if let Some(step) = &doing.entry {
            // The last entry of the subject that was known with the step.
            let known = Known::Seq(self.step(text, step).seq);
            let (Act::Correct(Correct { id, .. }) | Act::Retract { id, .. }) = &act else {
                panic!("`{text}`: only what was said is corrected or taken back");
            };
            let last =
                Some(self.floor.get(&id.clone(), &Time { valid: None, known }).unwrap().etag);
            match &mut act {
                Act::Correct(correct) => correct.entry = last,
                Act::Retract { entry, .. } => *entry = last,
                _ => {}
            }
        }
        if let Some(step) = &doing.read {
            let time = Time { valid: None, known: Known::Seq(self.step(text, step).seq) };
            let Act::Observe { etag, seen, .. } = &mut act else {
                panic!("`{text}`: only observations are made by what was read");
            };
            let finding = seen.finding.as_ref().unwrap();
            *etag = Some(self.floor.get(finding, &time).unwrap().etag);
        }
        let done = match self.floor.act(doing.who, &doing.reason, &act) {
            Ok(done) => done,
            Err(wrong) => return refused(&wrong),
        };
        for (name, id) in doing.makes.iter().zip(&done.ids) {
            self.ids.insert(name.clone(), id.clone());
        }
        let mut alike = done.alike.iter().map(|id| self.name(id)).collect::<Vec<_>>();
        alike.sort();
        let told = alike.iter().map(|name| format!("may be the same as {name}")).collect();
        if let Some(name) = &doing.called {
            self.steps.insert(name.clone(), done);
        }
        told
    }

    fn name(&self, id: &str) -> String {
        let found = self.ids.iter().find(|(_, known)| *known == id);
        let kind = || id.parse::<SubjectId>().map(|id| format!("a {}", id.kind().word()));
        found.map_or_else(|| kind().unwrap_or_else(|_| id.to_owned()), |(name, _)| name.clone())
    }

    /// A text in which ids may stand, with names in their place.
    fn in_names(&self, text: &str) -> String {
        let named = |text: String, (name, id): (&String, &String)| text.replace(id, name);
        self.ids.iter().fold(text.to_owned(), named)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each question")]
    fn asked(&mut self, text: &str, asking: &Asking) -> Result<Vec<String>, Vec<Wrong>> {
        let known = match &asking.until {
            Until::Now => Known::Now,
            Until::Day(day) if Some(*day) == self.today => Known::Now,
            Until::Day(day) => Known::Day(*day),
            Until::Step(step) => Known::Seq(self.step(text, step).seq),
        };
        let time = Time { valid: asking.valid, known };
        let id = |name: &String| {
            let known = self.ids.get(name);
            known.unwrap_or_else(|| panic!("`{text}`: {name} was refused above")).clone()
        };
        Ok(match &asking.question {
            Question::Totals(of) => vec![totals(&self.floor.totals(&id(of), &time)?)],
            Question::Counts(of) => counts(&self.floor.totals(&id(of), &time)?),
            Question::Explain { of, measure } => {
                let rows = self.floor.explain(&id(of), measure, &time)?;
                sorted(rows.iter().map(|(id, certain, possible)| {
                    format!("{}: {}", self.name(id), range(*certain, *possible))
                }))
            }
            Question::Get(of) => {
                let view = self.floor.get(&id(of), &time)?;
                self.view(&view)
            }
            Question::Life(of) => {
                let view = self.floor.get(&id(of), &time)?;
                self.life(&view)
            }
            Question::History(of) => {
                let told = self.floor.history(&id(of), known)?;
                told.iter().map(history).collect()
            }
            Question::Due(of) => vec![due(&self.floor.due(&id(of), &time)?)],
            Question::DueList(of) => {
                let rows = self.floor.due_list(&id(of))?;
                let day = |day: &String| match day.as_str() {
                    "never or later" => "no day is known".to_owned(),
                    day => day.to_owned(),
                };
                sorted(rows.iter().map(|(id, on)| format!("{} {}", day(on), self.name(id))))
            }
            Question::Cases(of) => {
                let cases = self.floor.cases(&id(of), known)?;
                sorted(cases.iter().map(|(reason, about)| {
                    let about = sorted(about.iter().map(|id| self.name(id)));
                    format!("{reason}: {}", about.join(", "))
                }))
            }
            Question::Code { scheme, code } => {
                let found = self.floor.code(scheme, code, asking.valid)?;
                sorted(found.iter().map(|(id, from, until)| {
                    let until = if until.is_empty() { "today" } else { until };
                    format!("{} from {from} to {until}", self.name(id))
                }))
            }
            Question::Finding(of) => self.finding(&id(of), &time)?,
            Question::Claim(of) => {
                let (stage, amounts) = self.floor.claim(&id(of), &time)?;
                let told = amounts.iter().map(|(name, fen)| format!(", {name} {}", yuan(*fen)));
                vec![stage + &told.collect::<String>()]
            }
            Question::Paid(of) => {
                let paid = self.floor.paid(&id(of), &time)?;
                sorted(
                    paid.iter().map(|(on, fen, source)| format!("{on} {} by {source}", yuan(*fen))),
                )
            }
            Question::Coverage { of, loss } => {
                let covers = self.floor.coverage(&id(of), loss, known)?;
                sorted(covers.iter().map(|(policy, cover, answer, left, against)| {
                    let against = against.join(" ");
                    let line = format!("{policy} {cover} {}, {} left", lower(answer), yuan(*left));
                    if against.is_empty() { line } else { format!("{line}: {against}") }
                }))
            }
            Question::Stand(of) => {
                let view = self.floor.get(&id(of), &time)?;
                let (state, doubt) = view.report.unwrap();
                vec![format!("{}, doubt: {}", lower(&state), lower(&doubt))]
            }
            Question::List { kind, holder } => {
                let rows = self.floor.list(*kind, &id(holder), &time)?;
                sorted(rows.iter().map(|id| self.name(id)))
            }
        })
    }

    fn finding(&mut self, id: &str, time: &Time) -> Result<Vec<String>, Vec<Wrong>> {
        let found = self.floor.finding(id, time)?;
        let stands_in = found.stands_in.iter().map(|id| format!("stands in {}", self.name(id)));
        Ok(finding(&found).into_iter().chain(stands_in).collect())
    }

    fn life(&self, view: &View) -> Vec<String> {
        let relatives = |word: &str, relatives: &[Relative]| {
            in_order(relatives.iter().map(|one| {
                let (over, under) = one.share;
                let share =
                    if over == under { String::new() } else { format!(" with {over}/{under}") };
                format!("{word} {}{share} on {}", self.name(&one.id), one.day)
            }))
        };
        let mut lines = vec![presence(view)];
        lines.extend(relatives("goes on in", &view.successors));
        lines.extend(relatives("comes from", &view.predecessors));
        lines
    }

    fn view(&self, view: &View) -> Vec<String> {
        let mut lines = vec![presence(view)];
        let fields = view.fields.iter().map(|(name, value)| {
            if let Some(name) = name.strip_suffix("_cm2") {
                let amount = value.parse::<u64>().unwrap();
                return format!("{name} {}.{:04} m²", amount / 10_000, amount % 10_000);
            }
            let name = name.strip_suffix("_id").unwrap_or(name);
            format!("{name} {}", self.in_names(value))
        });
        lines.extend(fields);
        lines
    }
}

/// Every name in an act, in the place of an id.
fn named_in(act: &mut Act) -> Vec<&mut String> {
    match act {
        Act::Register { saying, .. } => named_by(saying),
        Act::Reference { region, .. } => vec![region],
        Act::Change { id, saying, .. } => with(id, named_by(saying)),
        Act::Correct(correct) => with(&mut correct.id, named_by(&mut correct.saying)),
        Act::End { id, .. } | Act::Retract { id, .. } => vec![id],
        Act::Transfer { id, parent, .. } => vec![id, parent],
        Act::Merge { ids, into, .. } => {
            let mut named: Vec<_> = ids.iter_mut().collect();
            match into {
                Into::Known(id) => named.push(id),
                Into::New(saying) => named.extend(named_by(saying)),
            }
            named
        }
        Act::Split(split) => {
            let mut named = vec![&mut split.id];
            named.extend(split.parts.iter_mut().flat_map(|part| named_by(&mut part.saying)));
            named.extend(split.assignments.iter_mut().map(|(child, _)| child));
            named
        }
        Act::Report(paper) => {
            let mut named = named_by(&mut paper.saying);
            named.extend(paper.signed.iter_mut().flat_map(|(signers, _)| signers));
            named.extend(paper.findings.iter_mut().filter_map(|seen| seen.finding.as_mut()));
            named
        }
        Act::Advance { report, step, .. } => {
            let mut named = vec![report];
            match step {
                Step::Sign { signers, .. } => named.extend(signers),
                Step::Supersede { by } => named.push(by),
                _ => {}
            }
            named
        }
        Act::Observe { building, seen, .. } => {
            let mut named = vec![building];
            named.extend(seen.finding.as_mut());
            named
        }
        Act::Follow { finding, .. } => vec![finding],
        Act::Fund { work, .. } => vec![work],
        Act::Claim { claim, step, .. } => {
            let mut named = vec![claim];
            if let ClaimStep::Paid { work, .. } = step {
                named.extend(work.as_mut());
            }
            named
        }
        Act::Cancel { policy, .. } => vec![policy],
    }
}

fn with<'a>(id: &'a mut String, mut named: Vec<&'a mut String>) -> Vec<&'a mut String> {
    named.push(id);
    named
}

fn named_by(saying: &mut Saying) -> Vec<&mut String> {
    let named = saying.said.iter_mut().map(|said| match said {
        Said::Field { name, value } if name.ends_with("_id") => value.iter_mut().collect(),
        Said::Employed { body, .. } => vec![body],
        Said::Insures { ids } => ids.iter_mut().collect(),
        _ => Vec::new(),
    });
    named.flatten().collect()
}

fn refused(wrong: &[Wrong]) -> Vec<String> {
    sorted(wrong.iter().map(|(reason, field)| match field.as_str() {
        "" => format!("refused: {reason}"),
        field => format!("refused: {reason} at {field}"),
    }))
}

fn in_order(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines = lines.collect::<Vec<_>>();
    lines.sort();
    lines
}

/// Lines in their order, or a line that says that there are none.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines = in_order(lines);
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    lines
}

fn yuan(fen: u64) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
}

fn lower(word: &str) -> String {
    word.to_lowercase().replace('_', " ")
}

fn range(certain: i64, possible: i64) -> String {
    if certain == possible { format!("{certain}") } else { format!("{certain}..{possible}") }
}

fn totals(totals: &[Total]) -> String {
    let of = |wanted: &str, unit: i64| {
        let found = totals.iter().find(|(measure, ..)| measure == wanted);
        let (.., certain, possible) = found.unwrap();
        range(certain / unit, possible / unit)
    };
    format!(
        "compounds {}, buildings {}, floor area {} m², units {}, their area {} m²",
        of("compounds", 1),
        of("buildings", 1),
        of("floor_area_cm2", 10_000),
        of("units", 1),
        of("unit_area_cm2", 10_000)
    )
}

fn counts(totals: &[Total]) -> Vec<String> {
    let termed = totals.iter().filter(|(_, term, _, possible)| !term.is_empty() && *possible != 0);
    sorted(termed.map(|(measure, term, certain, possible)| {
        format!("{} {term}: {}", lower(measure), range(*certain, *possible))
    }))
}

fn presence(view: &View) -> String {
    let mut line = match view.presence.as_str() {
        "EXISTS" => "is there",
        "NOT_YET" => "is not there yet",
        "ENDED" => "is there no more",
        "ENTERED_IN_ERROR" => "was entered in error and never existed",
        _ => "may be there, which is not known",
    }
    .to_owned();
    if !view.since.is_empty() {
        write!(line, ", since {}", view.since).unwrap();
    }
    if let Some((day, cause)) = &view.end {
        write!(line, ", {} on {day}", lower(cause)).unwrap();
    }
    line
}

fn history(told: &crate::floor::Told) -> String {
    let mut line = told.kind.clone();
    if !told.from.is_empty() {
        write!(line, " {}", told.from).unwrap();
    }
    if !told.reason.is_empty() {
        write!(line, ", because {}", told.reason).unwrap();
    }
    if told.is_corrected {
        line.push_str(" (corrected)");
    }
    if told.is_in_doubt {
        line.push_str(" (in doubt)");
    }
    line
}

fn due(due: &DueView) -> String {
    let bounds = |(earliest, latest): &(String, String)| {
        let told = |day: &str| if day.is_empty() { "never".to_owned() } else { day.to_owned() };
        if earliest == latest {
            told(earliest)
        } else {
            format!("{}..{}", told(earliest), told(latest))
        }
    };
    let mut line = match due.answer.as_str() {
        "DUE" => format!("due {}", due.on),
        "EXEMPT" => {
            format!("exempt until {}, then due {}", bounds(&due.exempt_until), bounds(&due.next))
        }
        "UNKNOWN" => {
            format!("unknown, since {}; due {}", due.because.join(" and "), bounds(&due.next))
        }
        "ENDED" => format!("the building is no more since {}", due.on),
        "NOT_THERE" => "the building is not there".to_owned(),
        _ => "no rules".to_owned(),
    };
    if due.is_overdue {
        line.push_str(", overdue");
    }
    if !due.counted_from.is_empty() {
        write!(line, ", counted from {}", due.counted_from).unwrap();
    }
    let doubted = |is_in_doubt: bool| if is_in_doubt { " in doubt" } else { "" };
    for (value, is_in_doubt) in &due.grades {
        write!(line, ", graded {value}{}", doubted(*is_in_doubt)).unwrap();
    }
    if let Some((colour, is_in_doubt)) = &due.colour {
        write!(line, ", {colour}{}", doubted(*is_in_doubt)).unwrap();
    }
    if due.open_findings > 0 {
        write!(line, ", {} open findings", due.open_findings).unwrap();
    }
    line
}

fn finding(finding: &FindingView) -> Vec<String> {
    let mut line = format!("{} since {}", lower(&finding.stage), finding.since);
    write!(line, ", {} {}", finding.class, lower(&finding.severity)).unwrap();
    if !finding.deadline.is_empty() {
        write!(line, ", until {}", finding.deadline).unwrap();
    }
    if finding.ids > 1 {
        write!(line, ", {} numbers", finding.ids).unwrap();
    }
    let mut lines = vec![line];
    lines.extend(finding.seen.iter().map(|(day, observer, severity)| {
        format!("seen on {day} by {observer} as {}", lower(severity))
    }));
    lines
}
