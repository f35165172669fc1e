//! Reads of one subject, of what became of it, and of lists.

use prost::Message;
use tonic::Status;

use crate::{
    kernel::{
        id::SubjectId,
        page::Page,
        position::{Partition, Position},
        time::KnownAt,
        violation::Violations,
    },
    proto::v1,
    registry::{ListOf, Seen},
    service::{
        Way,
        kind::{Resource, id_of, resource},
        page::{self, Question},
        status,
    },
};

impl Way {
    /// Reads one subject of a kind; its answer and the position.
    pub(crate) async fn get_one<R: Resource>(
        &self,
        context: Option<v1::ReadContext>,
        id: &str,
    ) -> Result<(Option<R>, String), Status> {
        let mut violations = Violations::default();
        let subject = id_of::<R>(&mut violations, "id", id);
        let time = self.reading(context, violations).await?;
        let Some(subject) = subject else {
            return Err(status::bug("an id was read and is not there"));
        };
        let seen = self.get(subject, time).await?;
        let read_at = seen.position.to_string();
        Ok((Some(resource(seen)), read_at))
    }

    /// What a subject came from and what became of it.
    pub(crate) async fn lineage<R: Resource>(
        &self,
        context: Option<v1::ReadContext>,
        id: &str,
    ) -> Result<(Vec<v1::LineageEdge>, String), Status> {
        let mut violations = Violations::default();
        let subject = id_of::<R>(&mut violations, "id", id);
        let time = self.reading(context, violations).await?;
        let Some(subject) = subject else {
            return Err(status::bug("an id was read and is not there"));
        };
        self.check_reach("id", subject)?;
        let (edges, position) =
            self.blocking(move |registry| registry.lineage(subject, time.known_at)).await?;
        let edges = edges.into_iter().map(|(day, edge)| v1::LineageEdge {
            from_id: edge.from.to_string(),
            into_id: edge.into.to_string(),
            day: day.to_string(),
            share_numerator: edge.share_numerator,
            share_denominator: edge.share_denominator,
        });
        Ok((edges.collect(), position.to_string()))
    }
}

/// What every list is asked with.
pub(crate) struct Listing {
    pub context: Option<v1::ReadContext>,
    pub page_size: i32,
    pub page_token: String,
    pub order_by: String,
}

/// A page on the wire: the rows, the token of the next page, the position.
pub(crate) type Listed<R> = (Vec<R>, String, String);

/// Those of a list that are shown, by their ids.
pub(crate) fn shown<R>(
    listed: Vec<R>,
    id_of: impl Fn(&R) -> &str,
    is_shown: impl Fn(SubjectId) -> Result<bool, Status>,
) -> Result<Vec<R>, Status> {
    let mut rows = Vec::new();
    for row in listed {
        let id = id_of(&row).parse().map_err(|error| {
            status::bug(&format!("an id that was written cannot be read: {error}"))
        })?;
        if is_shown(id)? {
            rows.push(row);
        }
    }
    Ok(rows)
}

impl Way {
    /// A page of a list. `asked` is the message without what is in `listing`; `of` reads what the
    /// list is of and, with its field, the subject whose reach decides.
    pub(crate) async fn list<R: Resource, M: Message>(
        &self,
        asked: &M,
        listing: Listing,
        of: impl FnOnce(&mut Violations) -> Option<(ListOf, Option<(&'static str, SubjectId)>)>,
    ) -> Result<Listed<R>, Status> {
        let mut violations = Violations::default();
        let question = Question::new(self, asked, listing.context.as_ref());
        let request = question.page(&mut violations, listing.page_size, &listing.page_token);
        page::check_order(&mut violations, &listing.order_by, listing.context.as_ref());
        let of = of(&mut violations);
        let time = self.reading(listing.context, violations).await?;
        let Some((of, judged_by)) = of else {
            return Err(status::bug("a list was read and is not there"));
        };
        match judged_by {
            Some((field, subject)) => self.check_reach(field, subject)?,
            None => self.check_everything()?,
        }
        let (page, position) = self
            .blocking(move |registry| {
                let partition = match of {
                    ListOf::Regions(None) => Partition::ROOT,
                    ListOf::Regions(Some(region)) | ListOf::Plans(region, _) => region.partition(),
                    ListOf::Below(_, holder)
                    | ListOf::Orders(holder, _)
                    | ListOf::Reports(holder, _)
                    | ListOf::Claims(holder, _) => holder.partition(),
                    ListOf::All(_, partition)
                    | ListOf::Ever(_, partition)
                    | ListOf::References(partition, _) => partition,
                };
                let known = match time.known_at {
                    KnownAt::Now => None,
                    known => registry.known(partition, known)?,
                };
                // At least this much is in the answer.
                let seq = known.unwrap_or_else(|| registry.frontier(partition).seq);
                let page: Page<Seen> = registry.list(of, time, &request)?;
                Ok((page, Position { partition, seq }))
            })
            .await?;
        let token = question.token(&page);
        let rows = page.rows.into_iter().map(resource).collect();
        Ok((rows, token, position.to_string()))
    }
}
