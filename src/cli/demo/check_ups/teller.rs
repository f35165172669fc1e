//! One building's story, told act by act.

use anyhow::{Context as _, anyhow};

use crate::{
    cli::demo::{
        asked::told,
        check_ups::{
            Chosen, Loaded,
            desk::{Bodies, Desk, identifier},
        },
        story::{self, Act, Paper, Seen, Stands, Step, What},
    },
    kernel::{hash::Hash, time::Day},
    proto::v1::{
        self, FindingPlace, Grade, GradeScope, Observation, ReportFields, ReportKind,
        ReportedFinding, Signature, finding_saying::Saying,
    },
};

/// Tells the story of one building.
pub(super) struct Teller {
    desk: Desk,
    bodies: Bodies,
    order: Option<String>,
    building: Chosen,
    reports: Vec<String>,
    findings: Vec<String>,
}

impl Teller {
    /// With nothing told yet.
    pub(super) const fn of(
        desk: Desk,
        bodies: Bodies,
        order: Option<String>,
        building: Chosen,
    ) -> Self {
        Self { desk, bodies, order, building, reports: Vec::new(), findings: Vec::new() }
    }

    pub(super) async fn tell(mut self) -> anyhow::Result<Loaded> {
        let acts = std::mem::take(&mut self.building.acts);
        let today = self.desk.today;
        // What lies ahead has not happened, and nothing that came of it has.
        let past = acts.iter().take_while(|act| act.on <= today).count();
        let ahead = acts.len() - past;
        for (number, act) in acts.into_iter().take(past).enumerate() {
            let key = format!("{} {number}", self.building.id);
            let of = || format!("building {} ({}), act {number}", self.building.census, act.on);
            let what = of();
            self.act(&key, act).await.context(what)?;
        }
        let (reports, findings) = (self.reports.len(), self.findings.len());
        Ok(Loaded { reports, findings, ahead, ..Loaded::default() })
    }

    async fn act(&mut self, key: &str, act: Act) -> anyhow::Result<()> {
        let Act { on, what } = act;
        match what {
            What::Record(paper) => self.record(key, &paper).await,
            What::Step(report, step) => self.step(key, &self.report(report)?, step, on).await,
            What::Redate { report, inspected } => {
                let request = v1::CorrectReportRequest {
                    context: Some(self.desk.write(key, "示例：体检日期抄错")),
                    id: self.report(report)?,
                    exists_from: inspected.to_string(),
                    ..v1::CorrectReportRequest::default()
                };
                call!(self.desk.clerk, correct_report, request, "the day of a report")?;
                Ok(())
            }
            What::See(seen) => self.see(key, &seen, on).await,
            What::Say { finding, saying, reason } => {
                let id = self.finding(finding)?;
                self.desk.say(key, id, saying, reason, on).await
            }
            What::Merge { from, into } => {
                let request = v1::MergeFindingsRequest {
                    context: Some(self.desk.write(key, "示例：同一处问题")),
                    ids: vec![self.finding(from)?],
                    into_id: self.finding(into)?,
                    day: on.to_string(),
                };
                call!(self.desk.seen, merge_findings, request, "findings that are one")?;
                Ok(())
            }
        }
    }

    fn report(&self, number: usize) -> anyhow::Result<String> {
        self.reports.get(number).cloned().ok_or_else(|| anyhow!("there is no report {number}"))
    }

    fn finding(&self, number: usize) -> anyhow::Result<String> {
        self.findings.get(number).cloned().ok_or_else(|| anyhow!("there is no finding {number}"))
    }

    fn observation(seen: &Seen) -> Observation {
        let who = match seen.source {
            v1::ObservationSource::Patrol => "example-patrol",
            v1::ObservationSource::Owner => "example-owner",
            _ => "example-inspector",
        };
        let part = Some(format!("示例·{}", seen.part));
        Observation {
            source: seen.source.into(),
            observer: who.to_owned(),
            class: seen.class.to_owned(),
            severity: seen.severity.into(),
            place: Some(FindingPlace { part, ..FindingPlace::default() }),
            report_id: String::new(),
        }
    }

    async fn record(&mut self, key: &str, paper: &Paper) -> anyhow::Result<()> {
        let mut found = Vec::new();
        for seen in &paper.found {
            found.push(ReportedFinding {
                finding_id: seen
                    .known
                    .map(|known| self.finding(known))
                    .transpose()?
                    .unwrap_or_default(),
                observed_on: String::new(),
                observation: Some(Self::observation(seen)),
            });
        }
        let request = v1::RecordReportRequest {
            context: Some(self.desk.write(key, "")),
            fields: Some(self.fields(paper)),
            inspected_on: paper.inspected.to_string(),
            findings: found,
            signatures: self.signatures(paper),
            submitted_on: match paper.stands {
                Stands::Submitted => later(paper.inspected, 9).to_string(),
                Stands::Drafted | Stands::Signed => String::new(),
            },
        };
        let answer = call!(self.desk.inspector, record_report, request, "a report")?;
        self.reports.push(answer.report.context("no report")?.id);
        let new = paper.found.iter().zip(answer.findings).filter(|(seen, _)| seen.known.is_none());
        self.findings.extend(new.map(|(_, finding)| finding.id));
        Ok(())
    }

    fn fields(&self, paper: &Paper) -> ReportFields {
        let number = format!("EXAMPLE-{}-{}", self.building.census, self.reports.len() + 1);
        let hash = Hash::of(&[number.as_bytes()]);
        let body = match paper.kind {
            ReportKind::Patrol => None,
            ReportKind::Appraisal => Some(self.bodies.appraises.clone()),
            _ => Some(self.bodies.inspects.clone()),
        };
        ReportFields {
            building_id: Some(self.building.id.clone()),
            order_id: self.order.clone().filter(|_| paper.is_ordered),
            kind: paper.kind.into(),
            body_id: body,
            grades: paper.grade.iter().map(grade).collect(),
            dimensions: ["STR", "ENV", "ROF", "FIR", "ELE"].map(str::to_owned).to_vec(),
            triggers_appraisal: paper.triggers_appraisal.then_some(true),
            documents: vec![v1::Document {
                sha256: hash.to_string(),
                size_bytes: 1,
                media_type: "application/pdf".to_owned(),
                uri: String::new(),
            }],
            identifiers: vec![identifier("report", &number)],
            ..ReportFields::default()
        }
    }

    fn signatures(&self, paper: &Paper) -> Option<Signature> {
        if paper.stands == Stands::Drafted {
            return None;
        }
        let (signer, scope) = match paper.kind {
            ReportKind::Appraisal => (&self.bodies.appraiser, "appraisal"),
            _ if paper.by_the_lapsed => (&self.bodies.lapsed, "structure"),
            _ => (&self.bodies.signer, "structure"),
        };
        Some(Signature {
            signer_ids: vec![signer.clone()],
            scope: scope.to_owned(),
            on: later(paper.inspected, 7).to_string(),
        })
    }

    async fn step(&self, key: &str, id: &str, step: Step, on: Day) -> anyhow::Result<()> {
        let (id, on) = (id.to_owned(), on.to_string());
        let etag = String::new();
        match step {
            Step::Accept => {
                let context = Some(self.desk.write(key, ""));
                let request = v1::AcceptReportRequest { context, id, etag, on };
                call!(self.desk.clerk, accept_report, request, "an acceptance")?;
            }
            Step::Return => {
                let context = Some(self.desk.write(key, "示例：照片不全"));
                let request = v1::ReturnReportRequest { context, id, etag, on };
                call!(self.desk.clerk, return_report, request, "a return")?;
            }
            Step::SupersededBy(newer) => {
                let (context, by_id) = (Some(self.desk.write(key, "")), self.report(newer)?);
                let request = v1::SupersedeReportRequest { context, id, etag, by_id, on };
                call!(self.desk.clerk, supersede_report, request, "a succession")?;
            }
        }
        Ok(())
    }

    async fn see(&mut self, key: &str, seen: &Seen, on: Day) -> anyhow::Result<()> {
        let request = v1::ObserveFindingRequest {
            context: Some(self.desk.write(key, "")),
            building_id: self.building.id.clone(),
            observed_on: on.to_string(),
            observation: Some(Self::observation(seen)),
            ..v1::ObserveFindingRequest::default()
        };
        let answer = call!(self.desk.seen, observe_finding, request, "an observation")?;
        self.findings.push(answer.finding.context("no finding")?.id);
        Ok(())
    }
}

impl Desk {
    /// Says something of a finding, by the call and the person whose it is to say.
    async fn say(
        &self,
        key: &str,
        id: String,
        saying: Saying,
        reason: &str,
        on: Day,
    ) -> anyhow::Result<()> {
        /// The four calls take the same.
        macro_rules! asked {
            ($request:ident, $saying:expr) => {
                v1::$request {
                    context: Some(self.write(key, reason)),
                    id,
                    on: on.to_string(),
                    saying: Some(story::said($saying)),
                    ..v1::$request::default()
                }
            };
        }
        match saying {
            Saying::Planned(_) | Saying::RepairBegan(_) | Saying::ReportedFixed(_) => {
                let request = asked!(ReportRepairRequest, saying);
                call!(self.builder, report_repair, request, "a repair")?;
            }
            Saying::Verified(_) | Saying::VerificationFailed(_) => {
                let request = asked!(VerifyRepairRequest, saying);
                call!(self.verifier, verify_repair, request, "a verification")?;
            }
            Saying::Monitored(_)
            | Saying::MonitoringEnded(_)
            | Saying::MeasureTaken(_)
            | Saying::MeasureLifted(_) => {
                let request = asked!(SecureFindingRequest, saying);
                call!(self.seen, secure_finding, request, "a measure")?;
            }
            _ => {
                let request = asked!(FollowFindingRequest, saying);
                call!(self.seen, follow_finding, request, "what follows on a finding")?;
            }
        }
        Ok(())
    }
}

fn grade(of: &(v1::GradeScale, &str, &str)) -> Grade {
    let (scale, edition, value) = *of;
    Grade {
        scale: scale.into(),
        edition: edition.to_owned(),
        scope: GradeScope::Building.into(),
        aspect: v1::GradeAspect::Whole.into(),
        value: value.to_owned(),
    }
}

fn later(day: Day, days: i32) -> Day {
    Day::from_number(day.number().saturating_add(days)).unwrap_or(Day::MAX)
}
