//! What a check-up has to hold before it is signed, as reference data say: a grade, and what was looked
//! at or why it was not.

use anju::proto::v1;
use expect_test::expect;
use tonic::Status;

use crate::{
    actors::{body, licence, references, signer},
    harness::{City, told, write, write_because},
    papers::reports,
};

const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");
const MUST_HOLD: &str = r#"
[[must_hold]]
kind = "check_up"
grade = true
dimensions = ["STR", "FND", "FIR"]

[[must_hold]]
kind = "patrol"
dimensions = ["STA"]
"#;

struct Desk {
    city: City,
    building: String,
    body: String,
    signer: String,
}

impl Desk {
    async fn start() -> Self {
        let city = City::start().await;
        let findings = format!("{FINDINGS}{MUST_HOLD}");
        for text in [GRADES, &findings] {
            let text = text.to_owned();
            let message = v1::LoadReferenceRequest { context: write(), text, ..Default::default() };
            references(&city).load_reference(city.asking("operator", message)).await.unwrap();
        }
        let compound = city.compound(&city.communities[0], "东院").await;
        let building = city.building(&compound.id, "1号楼").await.id;
        let body = body(&city, vec![licence("structure", "2010", "")]).await.id;
        let signer = signer(&city, &body).await.id;
        Self { city, building, body, signer }
    }

    /// A check-up with these dimensions and doubts, and perhaps with a grade.
    fn report(
        &self,
        is_graded: bool,
        dimensions: &[&str],
        doubts: &[(&str, &str)],
    ) -> v1::RecordReportRequest {
        let doubt = |(field, sentence): &(&str, &str)| v1::FieldDoubt {
            field: (*field).to_owned(),
            sentence: (*sentence).to_owned(),
        };
        let grade = v1::Grade {
            scale: v1::GradeScale::Survey.into(),
            edition: "2020".to_owned(),
            scope: v1::GradeScope::Building.into(),
            value: "B".to_owned(),
            ..v1::Grade::default()
        };
        v1::RecordReportRequest {
            context: write(),
            fields: Some(v1::ReportFields {
                building_id: Some(self.building.clone()),
                kind: v1::ReportKind::CheckUp.into(),
                body_id: Some(self.body.clone()),
                grades: is_graded.then_some(grade).into_iter().collect(),
                dimensions: dimensions.iter().map(|code| (*code).to_owned()).collect(),
                doubts: doubts.iter().map(doubt).collect(),
                ..v1::ReportFields::default()
            }),
            inspected_on: "2026-03-01".to_owned(),
            ..v1::RecordReportRequest::default()
        }
    }

    fn signed(&self, message: v1::RecordReportRequest) -> v1::RecordReportRequest {
        let signature = v1::Signature {
            signer_ids: vec![self.signer.clone()],
            scope: "structure".to_owned(),
            on: message.inspected_on.clone(),
        };
        let submitted_on = message.inspected_on.clone();
        v1::RecordReportRequest { signatures: Some(signature), submitted_on, ..message }
    }

    async fn record(&self, who: &str, message: v1::RecordReportRequest) -> Result<String, Status> {
        let asked = self.city.asking(who, message);
        let done = reports(&self.city).record_report(asked).await?.into_inner();
        Ok(done.report.unwrap().id)
    }

    async fn sign(&self, id: &str) -> Result<(), Status> {
        let sign = v1::SignReportRequest {
            context: write(),
            id: id.to_owned(),
            signer_ids: vec![self.signer.clone()],
            scope: "structure".to_owned(),
            on: "2026-03-02".to_owned(),
            ..v1::SignReportRequest::default()
        };
        reports(&self.city).sign_report(self.city.asking("inspector", sign)).await.map(drop)
    }
}

#[tokio::test]
async fn a_check_up_is_signed_when_it_holds_what_its_kind_must_or_says_why_not() {
    let desk = Desk::start().await;
    let before = desk.city.registry.frontier(desk.city.partition);
    let empty = desk.signed(desk.report(false, &["STR", "GAS"], &[]));
    let refusal = desk.record("inspector", empty).await.unwrap_err();
    expect![[r"
        FailedPrecondition REPORT_INCOMPLETE
        REPORT_INCOMPLETE fields.grades
        REPORT_INCOMPLETE fields.dimensions"]]
    .assert_eq(&told(&refusal));
    assert!(refusal.message().contains("looks at FIR, FND too"), "{}", refusal.message());
    assert_eq!(desk.city.registry.frontier(desk.city.partition), before);

    // A draft may lack it; who signs it may not.
    let draft = desk.record("inspector", desk.report(false, &["STR"], &[])).await.unwrap();
    let refusal = desk.sign(&draft).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "FailedPrecondition REPORT_INCOMPLETE\nREPORT_INCOMPLETE id\nREPORT_INCOMPLETE id"
    );
    // What could not be looked at is said with why.
    let first = desk.city.registry.frontier(desk.city.partition).seq;
    let say = |fields: Option<v1::ReportFields>| v1::CorrectReportRequest {
        context: write_because("left out"),
        id: draft.clone(),
        entry: Some(first),
        fields,
        ..v1::CorrectReportRequest::default()
    };
    let locked = [("dimensions.FIR", "not inspected: the pump room was locked")];
    let asked = say(desk.report(true, &["STR", "FND"], &locked).fields);
    let asked = desk.city.asking("east", asked);
    let changed = reports(&desk.city).correct_report(asked).await.unwrap().into_inner();
    let doubts = changed.report.unwrap().fields.unwrap().doubts;
    assert_eq!(doubts[0].sentence, "not inspected: the pump room was locked");
    desk.sign(&draft).await.unwrap();
    // It stays whole: a correction takes nothing of it away.
    let less =
        v1::ReportFields { dimensions: vec!["STR".to_owned()], ..v1::ReportFields::default() };
    let asked = desk.city.asking("east", say(Some(less)));
    let refusal = reports(&desk.city).correct_report(asked).await.unwrap_err();
    let lost = "FailedPrecondition REPORT_INCOMPLETE\nREPORT_INCOMPLETE fields.dimensions";
    assert_eq!(told(&refusal), lost);

    let locked = [("grades", "nobody was let in"), ("dimensions.STR", "nobody was let in")];
    let unknown = desk.signed(desk.report(false, &["FIR", "FND"], &locked));
    desk.record("inspector", unknown).await.unwrap();
    // Of a day on which nobody asked for it nothing is missed.
    let mut old = desk.report(false, &[], &[]);
    old.inspected_on = "2024-12-31".to_owned();
    desk.record("inspector", desk.signed(old)).await.unwrap();
    // What names no dimension is no field that can be doubted.
    let wrong = desk.report(true, &["STR"], &[("grades.FIR", "why"), ("dimensions.?", "why")]);
    let refusal = desk.record("inspector", wrong).await.unwrap_err();
    expect![[r"
        InvalidArgument UNKNOWN_PATH
        UNKNOWN_PATH fields.doubts[0].field
        UNKNOWN_PATH fields.doubts[1].field"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn what_nobody_signs_is_whole_when_it_is_submitted() {
    let desk = Desk::start().await;
    let mut patrol = desk.report(false, &["STR"], &[]);
    let fields = patrol.fields.as_mut().unwrap();
    fields.set_kind(v1::ReportKind::Patrol);
    fields.body_id = None;
    let mut submitted = patrol.clone();
    submitted.submitted_on = "2026-03-01".to_owned();
    let refusal = desk.record("grid", submitted.clone()).await.unwrap_err();
    let lacking = "FailedPrecondition REPORT_INCOMPLETE\nREPORT_INCOMPLETE fields.dimensions";
    assert_eq!(told(&refusal), lacking);
    desk.record("grid", patrol).await.unwrap();
    submitted.context = write();
    submitted.fields.as_mut().unwrap().dimensions.push("STA".to_owned());
    desk.record("grid", submitted).await.unwrap();
}
