//! Work items over the API: what paid for them, by whom it is said, and what is too much.

use anju::proto::v1::{self, work_service_client::WorkServiceClient};
use expect_test::expect;
use tonic::{Status, transport::Channel};

use crate::{
    harness::{City, told, write, write_because},
    policies::Desk,
};

fn works(city: &City) -> WorkServiceClient<Channel> {
    WorkServiceClient::new(city.channel.clone())
}

fn roof(building: &str) -> v1::CreateWorkRequest {
    v1::CreateWorkRequest {
        context: write(),
        exists_from: "2022-07-01".to_owned(),
        fields: Some(v1::WorkFields {
            building_id: Some(building.to_owned()),
            part: Some("WATERPROOFING".to_owned()),
            done: Some("屋面翻新".to_owned()),
            cost_fen: Some(8_000_000),
            ..v1::WorkFields::default()
        }),
    }
}

impl Desk {
    async fn roof(&self) -> String {
        let asked = self.city.asking("east", roof(&self.building));
        works(&self.city).create_work(asked).await.unwrap().into_inner().work.unwrap().id
    }

    async fn fund(&self, id: &str, fen: u64, invoice: &str) -> Result<v1::Work, Status> {
        let message = v1::FundWorkRequest {
            context: write(),
            id: id.to_owned(),
            from: "2022-07-05".to_owned(),
            funding: Some(v1::WorkFunding {
                source: v1::FundingSource::Fund.into(),
                amount_fen: fen,
                reference: "account-7".to_owned(),
                invoice_sha256: invoice.to_owned(),
            }),
            ..v1::FundWorkRequest::default()
        };
        let asked = self.city.asking("east", message);
        Ok(works(&self.city).fund_work(asked).await?.into_inner().work.unwrap())
    }
}

#[tokio::test]
async fn many_at_once_pay_for_a_roof_no_more_than_it_cost() {
    let desk = Desk::start().await;
    let id = desk.roof().await;
    // 80 000 yuan, and 20 payments of 7 000 yuan at the same moment.
    let payments = (0..20).map(|_| desk.fund(&id, 700_000, ""));
    let payments = futures_all(payments).await;
    let paid = payments.iter().filter(|payment| payment.is_ok()).count();
    assert_eq!(paid, 11);
    let mut reasons: Vec<_> =
        payments.iter().filter_map(|payment| payment.as_ref().err()).map(told).collect();
    reasons.dedup();
    let get = v1::GetWorkRequest { id: id.clone(), ..v1::GetWorkRequest::default() };
    let answer = works(&desk.city).get_work(desk.city.asking("east", get)).await.unwrap();
    let work = answer.into_inner().work.unwrap();
    assert_eq!((work.funded_fen, work.funded.len()), (7_700_000, 11));
    expect![[r"
        FailedPrecondition OVERFUNDED
        OVERFUNDED funding.amount_fen"]]
    .assert_eq(&reasons.join("\n\n"));
}

/// All of some futures, at once.
async fn futures_all<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(answer) = future.as_mut().poll(context)
            {
                *done = Some(answer);
            }
        }
        let is_done = done.iter().all(Option::is_some);
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

/// What the fund paid, by an invoice.
fn from_the_fund(amount_fen: u64, invoice_sha256: String) -> v1::WorkFields {
    let funding = v1::WorkFunding {
        source: v1::FundingSource::Fund.into(),
        amount_fen,
        reference: String::new(),
        invoice_sha256,
    };
    v1::WorkFields { funding: Some(funding), ..v1::WorkFields::default() }
}

#[tokio::test]
async fn an_invoice_is_paid_once_and_all_that_is_wrong_is_told() {
    let desk = Desk::start().await;
    let (id, other) = (desk.roof().await, desk.roof().await);
    let invoice = "ab".repeat(32);
    desk.fund(&id, 100, &invoice).await.unwrap();
    let before = desk.last();
    let mut lines = vec![
        told(&desk.fund(&id, 100, &invoice).await.unwrap_err()),
        told(&desk.fund(&other, 8_000_001, &invoice).await.unwrap_err()),
        told(&desk.fund(&other, 0, "ab").await.unwrap_err()),
    ];
    let mut wrong = roof(&desk.building);
    let fields = wrong.fields.as_mut().unwrap();
    fields.cost_fen = None;
    fields.part = None;
    fields.finding_ids = vec![id.clone()];
    let asked = desk.city.asking("east", wrong);
    lines.push(told(&works(&desk.city).create_work(asked).await.unwrap_err()));
    let change = v1::ChangeWorkRequest {
        context: write(),
        id: id.clone(),
        from: "2022-07-06".to_owned(),
        fields: Some(v1::WorkFields { cost_fen: Some(99), ..v1::WorkFields::default() }),
        ..v1::ChangeWorkRequest::default()
    };
    let asked = desk.city.asking("east", change);
    lines.push(told(&works(&desk.city).change_work(asked).await.unwrap_err()));
    assert_eq!(desk.last(), before);
    // A correction says what was so, and is taken: somebody has to look.
    let correct = v1::CorrectWorkRequest {
        context: write_because("a discount was given"),
        id,
        fields: Some(v1::WorkFields { cost_fen: Some(99), ..v1::WorkFields::default() }),
        ..v1::CorrectWorkRequest::default()
    };
    let asked = desk.city.asking("east", correct);
    let answer = works(&desk.city).correct_work(asked).await.unwrap().into_inner();
    lines.push(format!("{} case", answer.case_ids.len()));
    // Another invoice was misread, and is the one that was paid.
    let funded = desk.fund(&other, 50, &"cd".repeat(32)).await.unwrap();
    let correct = v1::CorrectWorkRequest {
        context: write_because("the number was misread"),
        id: other,
        entry: Some(funded.funded[0].entry),
        fields: Some(from_the_fund(50, invoice)),
        ..v1::CorrectWorkRequest::default()
    };
    let asked = desk.city.asking("east", correct);
    let answer = works(&desk.city).correct_work(asked).await.unwrap().into_inner();
    lines.push(format!("{} case of an invoice", answer.case_ids.len()));
    expect![[r"
        FailedPrecondition INVOICE_PAID_TWICE
        INVOICE_PAID_TWICE funding.invoice_sha256

        FailedPrecondition OVERFUNDED
        OVERFUNDED funding.amount_fen
        INVOICE_PAID_TWICE funding.invoice_sha256

        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE funding.amount_fen
        MALFORMED funding.invoice_sha256

        InvalidArgument INVALID_REQUEST
        MALFORMED fields.finding_ids[0]
        REQUIRED fields.part

        FailedPrecondition OVERFUNDED
        OVERFUNDED fields.cost_fen

        1 case

        1 case of an invoice"]]
    .assert_eq(&lines.join("\n\n"));
}
