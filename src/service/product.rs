//! Insurance products on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::product::{Cover, Line, Named, Term, Trigger},
    kernel::{id::SubjectId, violation::Violations},
    proto::v1::{self, product_service_server::ProductService},
    registry::ProductSeen,
    service::{Api, page::Question, reference::write_head},
};

impl From<ProductSeen> for v1::Product {
    fn from(seen: ProductSeen) -> Self {
        let ProductSeen { reference, edition, product, words } = seen;
        let covers = product.covers.into_values().map(|cover| write_cover(cover, &words));
        Self {
            code: product.name.code,
            chinese: product.name.chinese,
            english: product.name.english,
            clause: product.clause,
            line: write_line(product.line).into(),
            covers: covers.collect(),
            reference_id: reference.to_string(),
            list: edition.name.clone(),
            edition: edition.edition.clone(),
            head: Some(write_head(edition)),
        }
    }
}

const fn write_line(line: Line) -> v1::ProductLine {
    match line {
        Line::InherentDefects => v1::ProductLine::InherentDefects,
        Line::ExistingBuilding => v1::ProductLine::ExistingBuilding,
        Line::Residents => v1::ProductLine::Residents,
        Line::Catastrophe => v1::ProductLine::Catastrophe,
        Line::Liability => v1::ProductLine::Liability,
    }
}

fn write_cover(cover: Cover, words: &[Named]) -> v1::ClauseCover {
    let Cover { name, parts, causes, term, trigger, notice_days } = cover;
    let word = |code: String| {
        let named = words.iter().find(|named| named.code == code);
        let (chinese, english) =
            named.map(|named| (named.chinese.clone(), named.english.clone())).unwrap_or_default();
        v1::ProductWord { code, chinese, english }
    };
    let (months, wait) = match term {
        Term::ByPolicy => (None, None),
        Term::FromCompletion { wait, months } => (Some(months), wait),
    };
    let trigger = match trigger {
        Trigger::Loss => v1::ClauseTrigger::Loss,
        Trigger::Notice => v1::ClauseTrigger::Notice,
    };
    v1::ClauseCover {
        code: name.code,
        chinese: name.chinese,
        english: name.english,
        parts: parts.into_iter().map(word).collect(),
        causes: causes.into_iter().map(word).collect(),
        months: months.map(|months| u32::from(months.count())),
        wait_months: wait.map(|months| u32::from(months.count())),
        trigger: trigger.into(),
        notice_days,
    }
}

#[tonic::async_trait]
impl ProductService for Api {
    async fn list_products(
        &self,
        request: Request<v1::ListProductsRequest>,
    ) -> Result<Response<v1::ListProductsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let of = way.partition_of(&mut violations, &asked.region_id, asked.partition);
        let line = u32::try_from(asked.line).ok().and_then(Line::from_number);
        if line.is_none() && asked.line() == v1::ProductLine::Unspecified && asked.line != 0 {
            violations.add("line", "UNKNOWN_VALUE", "there is no such kind of product");
        }
        let time = way.reading(context, violations).await?;
        let of = way.was_read(of)?;
        if let Some(region) = of.named {
            way.check_reach("region_id", SubjectId::from(region))?;
        }
        let partition = of.partition;
        let (found, position) =
            way.blocking(move |registry| registry.products(partition, line, time, &page)).await?;
        Ok(Response::new(v1::ListProductsResponse {
            next_page_token: question.token(&found),
            products: found.rows.into_iter().map(Into::into).collect(),
            read_at: position.to_string(),
        }))
    }

    async fn get_product(
        &self,
        request: Request<v1::GetProductRequest>,
    ) -> Result<Response<v1::GetProductResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let of = way.partition_of(&mut violations, &asked.region_id, asked.partition);
        if asked.code.is_empty() {
            violations.add("code", "REQUIRED", "say which product");
        }
        let time = way.reading(asked.context, violations).await?;
        let of = way.was_read(of)?;
        if let Some(region) = of.named {
            way.check_reach("region_id", SubjectId::from(region))?;
        }
        let (partition, code) = (of.partition, asked.code);
        let clause = Some(asked.clause).filter(|clause| !clause.is_empty());
        let found = way
            .blocking(move |registry| registry.product(partition, &code, clause.as_deref(), time));
        let (product, position) = found.await?;
        Ok(Response::new(v1::GetProductResponse {
            product: Some(product.into()),
            read_at: position.to_string(),
        }))
    }
}
