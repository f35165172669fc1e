//! Insurance products over the API: which clauses there are on a day, as known at a moment.

use anju::proto::v1::{self, product_service_client::ProductServiceClient};
use expect_test::expect;
use tonic::transport::Channel;

use crate::{
    actors::references,
    harness::{City, told, write},
};

const PRODUCTS: &str = include_str!("../../data/reference/products-example.toml");

fn products(city: &City) -> ProductServiceClient<Channel> {
    ProductServiceClient::new(city.channel.clone())
}

fn at(valid_at: &str, known_at_seq: Option<u64>) -> v1::ReadContext {
    let read_time =
        Some(v1::ReadTime { valid_at: valid_at.to_owned(), known_at_seq, ..Default::default() });
    v1::ReadContext { read_time, ..v1::ReadContext::default() }
}

async fn load(city: &City, text: String) -> u64 {
    let message =
        v1::LoadReferenceRequest { context: write(), text, ..v1::LoadReferenceRequest::default() };
    let loaded = references(city).load_reference(city.asking("operator", message)).await.unwrap();
    loaded.into_inner().reference.unwrap().etag.parse().unwrap()
}

/// The list with a clause of the inherent-defects product of which the structure is covered for
/// twenty years, from 2024 on.
fn newer() -> String {
    let (years, term) = ("months = 120", "months = 240");
    assert!(PRODUCTS.contains(years), "the example has a cover of ten years");
    PRODUCTS
        .replace("edition = \"2019-example\"", "edition = \"2024-example\"")
        .replace("clause = \"2019-example\"", "clause = \"2024-example\"")
        .replace("from = 2019-01-01", "from = 2024-01-01")
        .replace(years, term)
}

async fn listed(city: &City, message: v1::ListProductsRequest) -> (Vec<String>, String) {
    let answer = products(city).list_products(city.asking("public", message)).await.unwrap();
    let v1::ListProductsResponse { products, next_page_token, .. } = answer.into_inner();
    let lines = products.iter().map(|one| format!("{} {} {}", one.code, one.clause, one.edition));
    (lines.collect(), next_page_token)
}

/// The list up to the end of 2023 and the newer one; with the entry that loaded the first.
async fn load_both(city: &City) -> u64 {
    let until = "from = 2019-01-01\nuntil = 2023-12-31";
    let first = load(city, PRODUCTS.replace("from = 2019-01-01", until)).await;
    load(city, newer()).await;
    first
}

#[tokio::test]
async fn clauses_are_those_of_the_day_as_known_then() {
    let city = City::start().await;
    let nothing = listed(&city, v1::ListProductsRequest::default()).await;
    assert_eq!(nothing, (Vec::new(), String::new()));
    let first = load_both(&city).await;

    let on = async |day: &str, known: Option<u64>| {
        let message = v1::ListProductsRequest {
            context: Some(at(day, known)),
            line: v1::ProductLine::InherentDefects.into(),
            ..v1::ListProductsRequest::default()
        };
        listed(&city, message).await.0.join(", ")
    };
    assert_eq!(on("2018-12-31", None).await, "");
    assert_eq!(on("2023-12-31", None).await, "IDI 2019-example 2019-example");
    assert_eq!(on("2024-01-01", None).await, "IDI 2024-example 2024-example");
    assert_eq!(on("2024-01-01", Some(first)).await, "");

    // Page by page it is the same list.
    let all = v1::ListProductsRequest {
        region_id: city.streets[0].clone(),
        ..v1::ListProductsRequest::default()
    };
    let (whole, rest) = listed(&city, all.clone()).await;
    assert!(whole.len() > 4 && rest.is_empty() && whole.is_sorted());
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = v1::ListProductsRequest { page_size: 2, page_token: token, ..all.clone() };
        let (rows, next) = listed(&city, page).await;
        assert!(rows.len() == 2 || next.is_empty());
        pages.extend(rows);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn a_product_is_told_by_the_clause_that_is_named_or_that_the_day_has() {
    let city = City::start().await;
    load_both(&city).await;
    let get = async |code: &str, clause: &str, day: &str| {
        let message = v1::GetProductRequest {
            context: Some(at(day, None)),
            code: code.to_owned(),
            clause: clause.to_owned(),
            ..v1::GetProductRequest::default()
        };
        let answer = products(&city).get_product(city.asking("public", message)).await;
        let product = match answer {
            Ok(answer) => answer.into_inner().product.unwrap(),
            Err(status) => return format!("{}\n{}", told(&status), status.message()),
        };
        let cover = product.covers.iter().find(|cover| cover.code == "STR").unwrap();
        let parts = cover.parts.iter().map(|part| format!("{} {}", part.code, part.chinese));
        let head = product.head.as_ref().unwrap();
        format!(
            "{} {} {:?}, {:?}: STR {:?} after {:?} of {}",
            product.chinese,
            product.clause,
            product.line(),
            head.standing(),
            cover.months,
            cover.wait_months,
            parts.collect::<Vec<_>>().join(", ")
        )
    };
    let answers = [
        get("IDI", "", "2023-12-31").await,
        get("IDI", "", "2024-01-01").await,
        get("IDI", "2019-example", "2024-01-01").await,
        get("IDI", "", "2018-12-31").await,
        get("IDI", "2030-example", "").await,
        get("IDD", "", "").await,
        get("", "", "").await,
    ];
    expect![[r#"
        工程质量潜在缺陷保险 2019-example InherentDefects, Example: STR Some(120) after Some(24) of FOUNDATION 地基基础, STRUCTURE 主体结构
        工程质量潜在缺陷保险 2024-example InherentDefects, Example: STR Some(240) after Some(24) of FOUNDATION 地基基础, STRUCTURE 主体结构
        工程质量潜在缺陷保险 2019-example InherentDefects, Example: STR Some(120) after Some(24) of FOUNDATION 地基基础, STRUCTURE 主体结构
        NotFound CLAUSE_UNKNOWN
        CLAUSE_UNKNOWN clause
        on 2018-12-31 no policy may be written by IDI; name the clause to see it: 2019-example, 2024-example
        NotFound CLAUSE_UNKNOWN
        CLAUSE_UNKNOWN clause
        no list of products has IDI with the clause "2030-example"; there are 2019-example, 2024-example
        NotFound CLAUSE_UNKNOWN
        CLAUSE_UNKNOWN code
        no list of products has "IDD"; there are: CAT, EBS, IDI, LLI, RES
        InvalidArgument REQUIRED
        REQUIRED code
        the request is not valid: code: say which product"#]].assert_eq(&answers.join("\n"));
}
