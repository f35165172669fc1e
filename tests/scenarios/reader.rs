//! Reads scenarios: a line a step, in words that a housing official can read.
//!
//! `#` begins a comment; an indented line is the answer to the line above it and is written anew
//! with `UPDATE_EXPECT=1`. Words in CAPITALS stand for what is filled in, `[…]` may be left out, and
//! `FIELD=VALUE …` are fields of the API; `area=` is in square metres, `code=SCHEME:CODE`,
//! `number=SCHEME:NUMBER`, `doubt=FIELD:WHY`, `licence=SCOPE:FROM..[UNTIL]`, and `FIELD=?` says that
//! it is unknown or none. CONTRIBUTING.md lists the lines.
//!
//! Names stand for ids, and no name is used twice. Any line that does something may say `as WHO`
//! (office, inspector, insurer, patrol), `called STEP` and, at its end, `because WHY`.

use std::collections::BTreeMap;

use anju::kernel::{id::Kind, time::Day};

use crate::floor::{
    Act, ClaimStep, Correct, Follow, Fund, Into, Loss, Observed, Paper, Part, Said, Saying, Split,
    Step, Who,
};

/// A line of a scenario. Ids in it are names still.
#[derive(Debug)]
pub(crate) enum Line {
    /// A comment or nothing.
    Remark,
    /// The day is this one from now on.
    Today(Day),
    Do(Box<Doing>),
    Ask(Asking),
}

/// Something that is done.
#[derive(Debug)]
pub(crate) struct Doing {
    pub(crate) who: Who,
    pub(crate) reason: String,
    pub(crate) act: Act,
    /// The names of what it makes.
    pub(crate) makes: Vec<String>,
    /// The name of this step.
    pub(crate) called: Option<String>,
    /// The step whose entry is corrected or taken back.
    pub(crate) entry: Option<String>,
    /// The step after which the caller had read what it says something about.
    pub(crate) read: Option<String>,
}

/// Up to where something is known: now, a day, or after a step.
#[derive(Clone, Debug)]
pub(crate) enum Until {
    Now,
    Day(Day),
    Step(String),
}

#[derive(Debug)]
pub(crate) enum Question {
    Totals(String),
    Counts(String),
    Explain { of: String, measure: String },
    Get(String),
    Life(String),
    History(String),
    Due(String),
    DueList(String),
    Cases(String),
    Code { scheme: String, code: String },
    Finding(String),
    Claim(String),
    Paid(String),
    Coverage { of: String, loss: Loss },
    Stand(String),
    List { kind: Kind, holder: String },
}

#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) question: Question,
    pub(crate) valid: Option<Day>,
    pub(crate) until: Until,
}

/// Why a line cannot be read.
type Bad = String;

/// Reads a scenario; the lines with their text, without the answers. An error names file and line.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<(String, Line)>, Bad> {
    let mut reader = Reader { kinds: BTreeMap::new() };
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with(' ') {
            continue;
        }
        let read = reader.line(line).map_err(|bad| format!("{file}:{}: {bad}", index + 1))?;
        lines.push((line.to_owned(), read));
    }
    Ok(lines)
}

struct Reader {
    /// What the names that were given so far are of.
    kinds: BTreeMap<String, Kind>,
}

/// The words of a line that were not read yet.
struct Words(Vec<String>);

impl Words {
    fn first(&mut self, what: &str) -> Result<String, Bad> {
        if self.0.is_empty() { Err(format!("{what} is missing")) } else { Ok(self.0.remove(0)) }
    }

    /// The word after a keyword, if that is there.
    fn after(&mut self, keyword: &str) -> Result<Option<String>, Bad> {
        let Some(at) = self.0.iter().position(|word| word == keyword) else { return Ok(None) };
        if at + 1 == self.0.len() {
            return Err(format!("nothing stands after `{keyword}`"));
        }
        self.0.remove(at);
        Ok(Some(self.0.remove(at)))
    }

    fn needed(&mut self, keyword: &str) -> Result<String, Bad> {
        self.after(keyword)?.ok_or_else(|| format!("`{keyword} …` is missing"))
    }

    fn has(&mut self, keyword: &str) -> bool {
        let found = self.0.iter().position(|word| word == keyword);
        found.map(|at| self.0.remove(at)).is_some()
    }

    fn pairs(&mut self) -> Vec<(String, String)> {
        let pairs = self.0.iter().filter_map(|word| word.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.0.retain(|word| !word.contains('='));
        pairs
    }

    fn finish(self) -> Result<(), Bad> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("what is `{}`?", self.0.join(" "))) }
    }
}

fn day(text: &str) -> Result<Day, Bad> {
    text.parse().map_err(|_| format!("`{text}` is no day"))
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

fn field(name: &str, value: &str) -> Said {
    Said::Field { name: name.to_owned(), value: Some(value.to_owned()) }
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<Line, Bad> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(Line::Remark);
        }
        let (line, reason) = line.split_once(" because ").unwrap_or((line, ""));
        let mut words = Words(line.split_whitespace().map(str::to_owned).collect());
        let verb = words.first("the line")?;
        if verb == "today" {
            let today = day(&words.first("the day")?)?;
            words.finish()?;
            return Ok(Line::Today(today));
        }
        if let Some(asking) = self.asking(&verb, &mut words)? {
            words.finish()?;
            return Ok(Line::Ask(asking));
        }
        let doing = self.doing(&verb, &mut words, reason)?;
        words.finish()?;
        Ok(Line::Do(Box::new(doing)))
    }

    fn known(&self, name: String) -> Result<String, Bad> {
        self.kind_of(&name)?;
        Ok(name)
    }

    fn kind_of(&self, name: &str) -> Result<Kind, Bad> {
        self.kinds.get(name).copied().ok_or_else(|| format!("nothing is called `{name}`"))
    }

    fn new_name(&mut self, kind: Kind, name: &str) -> Result<(), Bad> {
        match self.kinds.insert(name.to_owned(), kind) {
            None => Ok(()),
            Some(_) => Err(format!("something is called `{name}` already")),
        }
    }

    fn asking(&self, verb: &str, words: &mut Words) -> Result<Option<Asking>, Bad> {
        let is_question = [
            "totals", "counts", "explain", "get", "life", "history", "due", "due-list", "cases",
            "code", "finding?", "report?", "claim?", "work?", "coverage", "list",
        ];
        if !is_question.contains(&verb) {
            return Ok(None);
        }
        let until = until(words)?;
        let valid = words.after("on")?.map(|text| day(&text)).transpose()?;
        let question = match verb {
            "totals" => Question::Totals(self.known(words.needed("of")?)?),
            "counts" => Question::Counts(self.known(words.needed("of")?)?),
            "explain" => Question::Explain {
                of: self.known(words.needed("of")?)?,
                measure: words.first("the measure")?,
            },
            "due-list" => Question::DueList(self.known(words.needed("of")?)?),
            "cases" => Question::Cases(self.known(words.needed("of")?)?),
            "life" => Question::Life(self.known(words.needed("of")?)?),
            "history" => Question::History(self.known(words.needed("of")?)?),
            "get" => Question::Get(self.known(words.first("the name")?)?),
            "due" => Question::Due(self.known(words.first("the name")?)?),
            "finding?" => Question::Finding(self.known(words.first("the name")?)?),
            "claim?" => Question::Claim(self.known(words.first("the name")?)?),
            "work?" => Question::Paid(self.known(words.first("the name")?)?),
            "coverage" => self.coverage(words)?,
            "report?" => Question::Stand(self.known(words.first("the name")?)?),
            "code" => {
                let code = words.first("the code")?;
                let (scheme, code) = code.split_once(':').unwrap_or(("gb2260", &code));
                Question::Code { scheme: scheme.to_owned(), code: code.to_owned() }
            }
            _ => {
                let kind = match words.first("what is listed")?.as_str() {
                    "compounds" => Kind::Compound,
                    "buildings" => Kind::Building,
                    "units" => Kind::Unit,
                    other => return Err(format!("`{other}` are not listed")),
                };
                Question::List { kind, holder: self.known(words.needed("in")?)? }
            }
        };
        Ok(Some(Asking { question, valid, until }))
    }

    /// `coverage of BUILDING part=… cause=… lost=DAY [noticed=DAY]`
    fn coverage(&self, words: &mut Words) -> Result<Question, Bad> {
        let of = self.known(words.needed("of")?)?;
        let mut pairs: BTreeMap<_, _> = words.pairs().into_iter().collect();
        let mut needed = |name: &str| pairs.remove(name).ok_or(format!("`{name}=` is missing"));
        let (part, cause, lost) = (needed("part")?, needed("cause")?, needed("lost")?);
        let noticed = pairs.remove("noticed");
        if let Some(name) = pairs.into_keys().next() {
            return Err(format!("what is `{name}`?"));
        }
        Ok(Question::Coverage { of, loss: Loss { part, cause, lost, noticed } })
    }

    fn doing(&mut self, verb: &str, words: &mut Words, reason: &str) -> Result<Doing, Bad> {
        let who = words.after("as")?;
        let called = words.after("called")?;
        let entry = words.after("entry")?;
        let read = words.after("having-read")?;
        let by_default = match verb {
            "report" | "sign" | "submit" | "observe" => Who::Inspector,
            _ => Who::Office,
        };
        let who = match who {
            None => by_default,
            Some(name) => Who::ALL
                .into_iter()
                .find(|who| who.name() == name)
                .ok_or_else(|| format!("nobody is `{name}`"))?,
        };
        let (act, makes) = self.act(verb, words)?;
        if matches!(act, Act::Correct(_) | Act::Retract { .. }) && reason.is_empty() {
            return Err("this says why: `because …`".to_owned());
        }
        let reason = reason.to_owned();
        Ok(Doing { who, reason, act, makes, called, entry, read })
    }

    fn act(&mut self, verb: &str, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        if let Some(kind) = kind_of_verb(verb) {
            return self.register(kind, verb, words);
        }
        let act = match verb {
            "reference" => Act::Reference {
                text: reference(&words.first("the file")?)?,
                region: self.known(words.needed("in")?)?,
            },
            "change" => {
                let (id, saying) = self.said_of(words)?;
                Act::Change { id, from: words.needed("from")?, saying }
            }
            "correct" => {
                let (id, saying) = self.said_of(words)?;
                let (from, began, ended) =
                    (words.after("from")?, words.after("began")?, words.after("ended")?);
                let dates = [&from, &began, &ended];
                if saying.said.is_empty() && dates.iter().all(|date| date.is_none()) {
                    return Err("a correction says what was wrong".to_owned());
                }
                Act::Correct(Correct { id, entry: None, from, began, ended, saying })
            }
            "demolish" | "end" => {
                let id = self.known(words.first("the name")?)?;
                let cause = words.after("cause")?.unwrap_or_else(|| "demolished".to_owned());
                Act::End { id, on: words.needed("on")?, cause }
            }
            "retract" => Act::Retract { id: self.known(words.first("the name")?)?, entry: None },
            "transfer" => Act::Transfer {
                id: self.known(words.first("the name")?)?,
                parent: self.known(words.needed("to")?)?,
                from: words.needed("from")?,
            },
            "merge" => return self.merge(words),
            "split" => return self.split(words),
            "claim" => return self.claim(words),
            "step" => self.claim_step(words)?,
            "work" => return self.work(words),
            "fund" => Act::Fund {
                work: self.known(words.first("the work")?)?,
                on: words.needed("on")?,
                fund: Fund {
                    source: words.needed("by")?,
                    invoice: words.after("invoice")?,
                    amount: fen(&words.first("the amount")?)?,
                },
            },
            "cancel" => Act::Cancel {
                policy: self.known(words.first("the policy")?)?,
                from: words.needed("from")?,
            },
            "report" => return self.report(words),
            "observe" => return self.observe(words),
            "sign" | "submit" | "accept" | "return" | "supersede" => self.advance(verb, words)?,
            "notify" | "fixed" | "verify" | "close" => self.follow(verb, words)?,
            _ => return Err(format!("there is no line `{verb} …`")),
        };
        Ok((act, Vec::new()))
    }

    fn register(
        &mut self,
        kind: Kind,
        verb: &str,
        words: &mut Words,
    ) -> Result<(Act, Vec<String>), Bad> {
        let name = words.first("the name")?;
        let mut saying = self.saying(kind, words)?;
        let said = &mut saying.said;
        match kind {
            Kind::Region => said.push(field("level", verb)),
            Kind::Signer => said.push(Said::Number {
                scheme: "person".to_owned(),
                value: format!("p-{}", self.kinds.len()),
            }),
            _ => {}
        }
        match kind {
            Kind::Unit => said.push(field("number", &name)),
            Kind::Signer => {}
            Kind::Policy => said.push(field("policy_number", &name)),
            _ if said
                .iter()
                .any(|one| matches!(one, Said::Field { name, .. } if name == "name")) => {}
            _ => said.push(field("name", &name)),
        }
        if let Some(holder) = words.after("in")? {
            said.push(field(holder_field(kind), &self.known(holder)?));
        }
        let from = match kind {
            Kind::Region => words.after("from")?.unwrap_or_else(|| "1949-10-01".to_owned()),
            _ => words.needed("from")?,
        };
        if let Some(body) = words.after("at")? {
            said.push(Said::Employed { body: self.known(body)?, from: from.clone() });
        }
        self.new_name(kind, &name)?;
        let opens_partition = verb == "city";
        Ok((Act::Register { saying, from, opens_partition }, vec![name]))
    }

    /// The name of a subject, and what is said of it.
    fn said_of(&self, words: &mut Words) -> Result<(String, Saying), Bad> {
        let id = words.first("the name")?;
        let saying = self.saying(self.kind_of(&id)?, words)?;
        Ok((id, saying))
    }

    fn saying(&self, kind: Kind, words: &mut Words) -> Result<Saying, Bad> {
        let pairs = words.pairs();
        let said = pairs.iter().map(|(name, value)| self.said(kind, name, value));
        Ok(Saying { kind, said: said.collect::<Result<_, _>>()? })
    }

    fn said(&self, kind: Kind, name: &str, value: &str) -> Result<Said, Bad> {
        let two = |what: &str| {
            let (one, other) = value.split_once(':').ok_or(format!("`{name}` is {what}"))?;
            Ok::<_, Bad>((one.to_owned(), other.to_owned()))
        };
        let stored = match (name, kind) {
            ("area", Kind::Unit) => "area_cm2",
            ("area", _) => "floor_area_cm2",
            ("cost", _) => "cost_fen",
            ("in", _) => holder_field(kind),
            ("community", _) => "community_id",
            ("physical", _) => "physical_id",
            (name, _) => name,
        };
        let value = match name {
            _ if value == "?" => None,
            "area" => Some(square_centimetres(value)?),
            "cost" => Some(fen(value)?.to_string()),
            "funding" => {
                let (source, amount) = two("SOURCE:YUAN")?;
                return Ok(Said::Funding { source, amount: fen(&amount)? });
            }
            "in" | "community" | "physical" | "building_id" => Some(self.known(value.to_owned())?),
            "code" | "number" => {
                let (scheme, value) = two("SCHEME:NUMBER")?;
                return Ok(Said::Number { scheme, value });
            }
            "doubt" => {
                let (field, sentence) = two("FIELD:WHY")?;
                return Ok(Said::Doubt { field, sentence });
            }
            "licence" => {
                let (scope, period) = two("SCOPE:FROM..UNTIL")?;
                let (from, until) = period.split_once("..").ok_or("`licence` is SCOPE:FROM..")?;
                let until = (!until.is_empty()).then(|| until.to_owned());
                return Ok(Said::Licence { scope, from: from.to_owned(), until });
            }
            "grade" => return Ok(Said::Grade { value: value.to_owned() }),
            "insurer" => return Ok(Said::Insurer { company: value.to_owned() }),
            "insures" => {
                let ids = words(value).into_iter().map(|id| self.known(id));
                return Ok(Said::Insures { ids: ids.collect::<Result<_, _>>()? });
            }
            "covers" => {
                let items = words(value).into_iter().map(|item| {
                    let (code, sum) = item.split_once(':').ok_or("`covers` is CODE:YUAN,…")?;
                    Ok::<_, Bad>((code.to_owned(), fen(sum)?))
                });
                return Ok(Said::Covers { items: items.collect::<Result<_, _>>()? });
            }
            _ => Some(value.to_owned()),
        };
        Ok(Said::Field { name: stored.to_owned(), value })
    }

    /// `claim NAME of BUILDING on POLICY from DAY cover=… part=… cause=… lost_on=DAY [claimed=YUAN]`
    fn claim(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let name = words.first("the name")?;
        let (building, policy) = (words.needed("of")?, words.needed("on")?);
        let from = words.needed("from")?;
        let mut pairs = words.pairs();
        let mut said = vec![
            field("building_id", &self.known(building)?),
            field("policy_id", &self.known(policy)?),
        ];
        for (name, value) in &mut pairs {
            if name == "claimed" {
                (*name, *value) = ("claimed_fen".to_owned(), fen(value)?.to_string());
            }
            said.push(field(name, value));
        }
        self.new_name(Kind::Claim, &name)?;
        let saying = Saying { kind: Kind::Claim, said };
        Ok((Act::Register { saying, from, opens_partition: false }, vec![name]))
    }

    /// `work NAME on BUILDING from DAY cost=YUAN part=… done=…`; what paid for it is said by `fund WORK YUAN by
    /// SOURCE on DAY [invoice TEXT]`, and by claims.
    fn work(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let name = words.first("the name")?;
        let (building, from) = (self.known(words.needed("on")?)?, words.needed("from")?);
        let saying = self.saying(Kind::Work, words)?;
        let mut said = vec![field("building_id", &building)];
        said.extend(saying.said);
        self.new_name(Kind::Work, &name)?;
        let saying = Saying { kind: Kind::Work, said };
        Ok((Act::Register { saying, from, opens_partition: false }, vec![name]))
    }

    /// `step CLAIM register NUMBER | check | survey YUAN | approve YUAN | reserve YUAN | cash | repair | accept |
    /// pay YUAN to KEY [for WORK] [invoice TEXT] | close | decline CODE | withdraw |
    /// reopen on DAY`
    fn claim_step(&self, words: &mut Words) -> Result<Act, Bad> {
        let (claim, on) = (self.known(words.first("the claim")?)?, words.needed("on")?);
        let verb = words.first("the step")?;
        let amount = |words: &mut Words| fen(&words.first("the amount")?);
        let step = match verb.as_str() {
            "register" => ClaimStep::Registered { number: words.first("the number")? },
            "check" => ClaimStep::Checked,
            "survey" => ClaimStep::Surveyed { amount: amount(words)? },
            "approve" => ClaimStep::Approved { amount: amount(words)? },
            "reserve" => ClaimStep::Reserved { amount: amount(words)? },
            "cash" => ClaimStep::Cash,
            "repair" => ClaimStep::Repair,
            "accept" => ClaimStep::Accepted,
            "pay" => ClaimStep::Paid {
                to: words.needed("to")?,
                work: words.after("for")?.map(|work| self.known(work)).transpose()?,
                invoice: words.after("invoice")?,
                amount: amount(words)?,
            },
            "close" => ClaimStep::Closed,
            "decline" => ClaimStep::Declined { code: words.first("the code")? },
            "withdraw" => ClaimStep::Withdrawn,
            "reopen" => ClaimStep::Reopened,
            _ => return Err(format!("a claim has no step `{verb}`")),
        };
        Ok(Act::Claim { claim, on, step })
    }

    /// `merge A,B into C on DAY [FIELD=VALUE …]`: into one that is there, or a new one.
    fn merge(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let ids = self::words(&words.first("what is merged")?);
        let kind = self.kind_of(ids.first().map_or("", String::as_str))?;
        for id in &ids {
            self.kind_of(id)?;
        }
        let (into, on) = (words.needed("into")?, words.needed("on")?);
        let saying = self.saying(kind, words)?;
        if self.kinds.contains_key(&into) {
            return Ok((Act::Merge { kind, ids, into: Into::Known(into), on }, Vec::new()));
        }
        self.new_name(kind, &into)?;
        let act = Act::Merge { kind, ids, into: Into::New(named(saying, &into)), on };
        Ok((act, vec![into]))
    }

    /// `split A on DAY into B 1/3 [FIELD=VALUE …] and C 2/3 … with CHILD=B,CHILD=C [keeping-the-rest]`
    fn split(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let id = words.first("what is split")?;
        let kind = self.kind_of(&id)?;
        let (on, keeps) = (words.needed("on")?, words.has("keeping-the-rest"));
        let with = words.after("with")?;
        let rest = Words(std::mem::take(&mut words.0)).0.join(" ");
        let rest = rest.strip_prefix("into ").ok_or("`into …` is missing")?.to_owned();
        let (mut parts, mut makes) = (Vec::new(), Vec::new());
        for text in rest.split(" and ") {
            let mut words = Words(text.split_whitespace().map(str::to_owned).collect());
            let saying = self.saying(kind, &mut words)?;
            let (name, share) = (words.first("the part")?, words.first("the share")?);
            words.finish()?;
            let wrong = || format!("`{share}` is no share");
            let (over, under) = share.split_once('/').ok_or_else(wrong)?;
            let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
            let share = (number(over)?, number(under)?);
            self.new_name(kind, &name)?;
            parts.push(Part { saying: named(saying, &name), share });
            makes.push(name);
        }
        let mut assignments = Vec::new();
        for pair in with.iter().flat_map(|with| with.split(',')) {
            let (child, part) = pair.split_once('=').ok_or("`with` names CHILD=PART")?;
            let at = makes.iter().position(|name| name == part);
            let at = at.ok_or_else(|| format!("`{part}` is no part"))?;
            assignments.push((self.known(child.to_owned())?, at));
        }
        Ok((Act::Split(Split { id, on, parts, assignments, keeps }), makes))
    }

    /// `report NAME of BUILDING kind=KIND [by BODY] inspected DAY [grade=G] [signed A,B] [for SCOPE]
    /// [submitted] [found NAME severity=… …]`
    fn report(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let name = words.first("the name")?;
        let building = self.known(words.needed("of")?)?;
        let inspected = words.needed("inspected")?;
        let mut makes = vec![name.clone()];
        let findings = match words.after("found")? {
            None => Vec::new(),
            Some(found) => {
                let seen = self.observed(found, inspected.clone(), words, &mut makes)?;
                vec![seen]
            }
        };
        let mut saying = self.saying(Kind::Report, words)?;
        saying.said.push(field("building_id", &building));
        if let Some(body) = words.after("by")? {
            saying.said.push(field("body_id", &self.known(body)?));
        }
        let scope = words.after("for")?.unwrap_or_else(|| "structure".to_owned());
        let signers = words.after("signed")?.map(|list| self::words(&list));
        for signer in signers.iter().flatten() {
            self.kind_of(signer)?;
        }
        let signed = signers.map(|signers| (signers, scope));
        let is_submitted = words.has("submitted");
        self.new_name(Kind::Report, &name)?;
        Ok((Act::Report(Paper { saying, inspected, signed, is_submitted, findings }), makes))
    }

    /// `observe NAME of BUILDING on DAY source=… observer=… class=… severity=… [storey=N]`: a new
    /// finding, or one that is there.
    fn observe(&mut self, words: &mut Words) -> Result<(Act, Vec<String>), Bad> {
        let name = words.first("the name")?;
        let (building, on) = (self.known(words.needed("of")?)?, words.needed("on")?);
        let mut makes = Vec::new();
        let seen = self.observed(name, on, words, &mut makes)?;
        Ok((Act::Observe { building, etag: None, seen }, makes))
    }

    fn observed(
        &mut self,
        name: String,
        on: String,
        words: &mut Words,
        makes: &mut Vec<String>,
    ) -> Result<Observed, Bad> {
        let finding = if self.kinds.contains_key(&name) {
            Some(name)
        } else {
            self.new_name(Kind::Finding, &name)?;
            makes.push(name);
            None
        };
        let mut pairs = words.pairs();
        let mut take = |wanted: &str| {
            let at = pairs.iter().position(|(name, _)| name == wanted);
            at.map(|at| pairs.remove(at).1)
        };
        let mut needed = |wanted: &str| take(wanted).ok_or(format!("`{wanted}=` is missing"));
        let (source, observer) = (needed("source")?, needed("observer")?);
        let (class, severity) = (needed("class")?, needed("severity")?);
        let storey = take("storey").map(|text| text.parse().map_err(|_| "`storey` is a number"));
        let storey = storey.transpose()?;
        words.0.extend(pairs.into_iter().map(|(name, value)| format!("{name}={value}")));
        Ok(Observed { finding, on, source, observer, class, severity, storey })
    }

    fn advance(&self, verb: &str, words: &mut Words) -> Result<Act, Bad> {
        let report = self.known(words.first("the report")?)?;
        let step = match verb {
            "sign" => Step::Sign {
                signers: self::words(&words.needed("by")?),
                scope: words.after("for")?.unwrap_or_else(|| "structure".to_owned()),
            },
            "submit" => Step::Submit,
            "accept" => Step::Accept,
            "return" => Step::Return,
            _ => Step::Supersede { by: self.known(words.needed("by")?)? },
        };
        Ok(Act::Advance { report, step, on: words.needed("on")? })
    }

    fn follow(&self, verb: &str, words: &mut Words) -> Result<Act, Bad> {
        let finding = self.known(words.first("the finding")?)?;
        let follow = match verb {
            "notify" => Follow::Notified { deadline: words.after("until")? },
            "fixed" => Follow::Fixed { repairer: words.needed("by")? },
            "verify" => Follow::Verified { verifier: words.needed("by")? },
            _ => Follow::Closed,
        };
        Ok(Act::Follow { finding, on: words.needed("on")?, follow })
    }
}

/// Gives what is new its name, unless it was given another.
fn named(mut saying: Saying, name: &str) -> Saying {
    let wanted = if saying.kind == Kind::Unit { "number" } else { "name" };
    let is_said =
        saying.said.iter().any(|one| matches!(one, Said::Field { name, .. } if name == wanted));
    if !is_said {
        saying.said.push(field(wanted, name));
    }
    saying
}

/// `as known on DAY` or `as known after STEP`.
fn until(words: &mut Words) -> Result<Until, Bad> {
    let Some(at) = words.0.windows(2).position(|two| two == ["as", "known"]) else {
        return Ok(Until::Now);
    };
    let mut known = words.0.split_off(at).into_iter().skip(2);
    let (how, what) = (known.next().unwrap_or_default(), known.next().unwrap_or_default());
    words.0.extend(known);
    match how.as_str() {
        "on" => day(&what).map(Until::Day),
        "after" => Ok(Until::Step(what)),
        _ => Err("`as known on DAY` or `as known after STEP`".to_owned()),
    }
}

fn kind_of_verb(verb: &str) -> Option<Kind> {
    Some(match verb {
        "province" | "city" | "district" | "street" | "community" => Kind::Region,
        "compound" => Kind::Compound,
        "building" => Kind::Building,
        "unit" => Kind::Unit,
        "body" => Kind::Body,
        "signer" => Kind::Signer,
        "policy" => Kind::Policy,
        _ => return None,
    })
}

const fn holder_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Region => "parent_id",
        Kind::Compound => "community_id",
        Kind::Building => "compound_id",
        Kind::Unit | Kind::Report => "building_id",
        _ => "region_id",
    }
}

fn square_centimetres(metres: &str) -> Result<String, Bad> {
    let (whole, part) = metres.split_once('.').unwrap_or((metres, ""));
    let amount = format!("{whole}{part:0<4}").parse::<u64>();
    match amount {
        Ok(amount) if part.len() <= 4 => Ok(amount.to_string()),
        _ => Err(format!("`{metres}` is no area")),
    }
}

/// An amount in yuan as fen.
fn fen(yuan: &str) -> Result<u64, Bad> {
    let amount = yuan.parse::<anju::kernel::fen::Fen>();
    amount.map(anju::kernel::fen::Fen::count).map_err(|_| format!("`{yuan}` is no amount"))
}

fn reference(file: &str) -> Result<String, Bad> {
    let path = format!("{}/data/reference/{file}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).map_err(|_| format!("there is no reference data `{file}`"))
}
