//! Search on the wire.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    auth::permission::Extent,
    kernel::{
        id::{Kind, RegionId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position},
        time::{KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, search_hit::Subject, search_service_server::SearchService},
    registry::{Fact, Search, Seen, Sought},
    service::{
        Api, Way, common,
        kind::{Listed, Listing, Resource, resource},
        page::{self, Question},
        status,
    },
    store::Limit,
};

#[tonic::async_trait]
impl SearchService for Api {
    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let sought = sought(&mut violations, &asked);
        let kinds = kinds(&mut violations, &asked.kinds);
        let region: Option<RegionId> =
            common::optional(&mut violations, "region_id", &asked.region_id);
        if asked.region_id.is_empty() && asked.partition.is_none() {
            let message = "say where: region_id, or the partition's number";
            violations.add("region_id", "REQUIRED", message);
        }
        let time = way.reading(context, violations).await?;
        let sought = way.was_read(sought)?;
        let partition = match (asked.partition, region) {
            (Some(number), _) => way.partition("partition", number)?,
            (None, region) => way.was_read(region)?.partition(),
        };
        let part = match region {
            Some(region) => {
                way.check_reach("region_id", region.into())?;
                Part::Whole
            }
            None => way.part_of(partition)?,
        };
        let search = Search { partition, sought, kinds, below: region.map(SubjectId::from) };
        let (found, position) = way.find(search, time, page).await?;
        let next_page_token = question.token(&found);
        let mut hits = Vec::new();
        for seen in found.rows {
            if part == Part::Whole || way.reaches(seen.id)? {
                hits.push(hit(seen));
            }
        }
        let read_at = position.to_string();
        Ok(Response::new(v1::SearchResponse { hits, next_page_token, read_at }))
    }
}

/// How much of a partition a caller reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Some of it: what is answered has to be looked at one by one.
    Some,
}

fn out_of_reach(partition: Partition, how: &str) -> Status {
    let message = format!("partition {partition} {how}");
    status::plain(tonic::Code::PermissionDenied, "OUT_OF_REACH", message)
}

impl Way {
    /// A page of a search, and what it was read at.
    pub(crate) async fn find(
        &self,
        search: Search,
        time: ReadTime,
        page: PageRequest,
    ) -> Result<(Page<Seen>, Position), Status> {
        self.blocking(move |registry| {
            let partition = search.partition;
            let known = match time.known_at {
                KnownAt::Now => None,
                known => registry.known(partition, known)?,
            };
            // At least this much is in the answer.
            let seq = known.unwrap_or_else(|| registry.frontier(partition).seq);
            Ok((registry.search(&search, time, &page)?, Position { partition, seq }))
        })
        .await
    }

    /// How much of a partition the caller reaches. Refuses one that reaches nothing of it; that it
    /// is there is no secret.
    pub(crate) fn part_of(&self, partition: Partition) -> Result<Part, Status> {
        let regions = match self.extent()? {
            Extent::Everything => return Ok(Part::Whole),
            Extent::Regions(regions) => Some(regions),
            Extent::Caller => None,
        };
        if let Some(region) = self.region_of(partition)?
            && self.reaches(region.into())?
        {
            return Ok(Part::Whole);
        }
        let is_within = |region: &RegionId| region.partition() == partition;
        if partition != Partition::ROOT && regions.is_some_and(|all| all.iter().any(is_within)) {
            return Ok(Part::Some);
        }
        Err(out_of_reach(partition, "lies outside the regions of the credential"))
    }

    /// The region that is a partition's own; its first entry says it. None of partition 0.
    pub(crate) fn region_of(&self, partition: Partition) -> Result<Option<RegionId>, Status> {
        let one = Limit { entries: 1, bytes: limit::ENTRY_BYTES_MAX };
        let first = self.registry().entries(partition, 1, one).map_err(status::status)?.pop();
        let Some(bytes) = first else { return Ok(None) };
        let (entry, _) = crate::registry::Entry::decode(&bytes).map_err(status::status)?;
        Ok(match entry.body.map(|body| body.fact) {
            Some(Fact::PartitionBegun(region)) => region,
            _ => None,
        })
    }
}

/// What is searched for: exactly one of number and text.
fn sought(violations: &mut Violations, asked: &v1::SearchRequest) -> Option<Sought> {
    match (&asked.identifier, asked.text.as_str()) {
        (Some(identifier), "") => {
            let scheme: Option<String> =
                common::required(violations, "identifier.scheme", &identifier.scheme);
            let value: Option<String> =
                common::required(violations, "identifier.value", &identifier.value);
            Some(Sought::Identifier(scheme?, value?))
        }
        (None, text) if !text.is_empty() => {
            // What is searched for is not kept: whatever it is, it may be asked.
            if text.chars().count() > limit::ADDRESS_CHARS_MAX {
                let message = format!("at most {} characters", limit::ADDRESS_CHARS_MAX);
                violations.add("text", "TOO_LONG", message);
                return None;
            }
            Some(Sought::Text(text.to_owned()))
        }
        _ => {
            violations.add("text", "ONE_OF", "give exactly one of identifier and text");
            None
        }
    }
}

impl Way {
    /// A page of what is of a kind and lies in a box, as far as it is in the caller's reach. One
    /// partition is searched after the other, and a page is of one of them; it may be short.
    ///
    /// `asked` is the message without what is in `listing`; `check` notes what else is wrong with it.
    pub(crate) async fn list_in_box<R: Resource, M: Message>(
        &self,
        asked: &M,
        listing: Listing,
        wanted: Option<&v1::BoundingBox>,
        check: impl FnOnce(&mut Violations),
    ) -> Result<Listed<R>, Status> {
        let mut violations = Violations::default();
        let question = Question::new(self, asked, listing.context.as_ref());
        let mut page = question.page(&mut violations, listing.page_size, &listing.page_token);
        page::check_order(&mut violations, &listing.order_by, listing.context.as_ref());
        check(&mut violations);
        let sought = wanted
            .and_then(|wanted| common::bounding_box(&mut violations, wanted))
            .map(Sought::Box);
        let (first, after) = read_cursor(&page.after);
        page.after = after;
        let time = self.reading(listing.context, violations).await?;
        let sought = self.was_read(sought)?;
        let partitions = self.registry().partitions().into_iter().map(|(partition, _)| partition);
        // What lies between cities has no compounds and no buildings.
        let mut partitions =
            partitions.filter(|other| *other != Partition::ROOT && *other >= first);
        let Some(partition) = partitions.next() else {
            return Ok((Vec::new(), String::new(), String::new()));
        };
        if partition != first {
            page.after.clear();
        }
        let search = Search { partition, sought, kinds: vec![R::KIND], below: None };
        let (found, position) = self.find(search, time, page).await?;
        let next = match (found.next, partitions.next()) {
            (Some(next), _) => Some(write_cursor(partition, &next)),
            (None, other) => other.map(|other| write_cursor(other, &[])),
        };
        let mut rows = Vec::new();
        for seen in found.rows {
            if self.reaches(seen.id)? {
                rows.push(resource(seen));
            }
        }
        let token = question.token(&Page::<()> { rows: Vec::new(), next });
        Ok((rows, token, position.to_string()))
    }
}

fn write_cursor(partition: Partition, after: &[u8]) -> Vec<u8> {
    [&partition.to_bytes(), after].concat()
}

fn read_cursor(bytes: &[u8]) -> (Partition, Vec<u8>) {
    match bytes.split_first_chunk::<3>() {
        Some((partition, after)) => (Partition::from_bytes(*partition), after.to_vec()),
        None => (Partition::ROOT, Vec::new()),
    }
}

/// The kinds wanted; buildings and compounds when none is named.
fn kinds(violations: &mut Violations, numbers: &[i32]) -> Vec<Kind> {
    if numbers.is_empty() {
        return vec![Kind::Building, Kind::Compound];
    }
    let mut kinds = Vec::new();
    for (index, number) in numbers.iter().enumerate().take(Kind::ALL.len() * 2) {
        let kind = match v1::SubjectKind::try_from(*number) {
            Ok(v1::SubjectKind::Region) => Kind::Region,
            Ok(v1::SubjectKind::Compound) => Kind::Compound,
            Ok(v1::SubjectKind::Building) => Kind::Building,
            Ok(v1::SubjectKind::Unit) => Kind::Unit,
            Ok(v1::SubjectKind::Unspecified) | Err(_) => {
                let message = format!("{number} is no kind");
                violations.add(format!("kinds[{index}]"), "UNKNOWN_VALUE", message);
                continue;
            }
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn hit(seen: Seen) -> v1::SearchHit {
    let subject = match seen.id.kind() {
        Kind::Region => Some(Subject::Region(resource(seen))),
        Kind::Compound => Some(Subject::Compound(resource(seen))),
        Kind::Building => Some(Subject::Building(resource(seen))),
        Kind::Unit => Some(Subject::Unit(resource(seen))),
        _ => None,
    };
    v1::SearchHit { subject }
}
