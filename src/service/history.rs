//! Histories, differences and proofs on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::content::Content,
    kernel::{
        hash::Hash, id::SubjectId, position::Partition, time::KnownAt, violation::Violations,
    },
    proto::v1::{self, history_service_server::HistoryService},
    registry::{Checkpoint, Entry, Fact, HistoryRow, Refusal, SUITE, SubjectDiff, Text, show},
    service::{Api, Way, common, page::Question, status, totals::known_at},
};

#[tonic::async_trait]
impl HistoryService for Api {
    async fn get_history(
        &self,
        request: Request<v1::GetHistoryRequest>,
    ) -> Result<Response<v1::GetHistoryResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let subject = common::required(&mut violations, "subject_id", &asked.subject_id);
        let time = way.reading(context, violations).await?;
        let subject: SubjectId = way.was_read(subject)?;
        way.check_reach("subject_id", subject)?;
        let (rows, position) = way
            .blocking(move |registry| {
                let position = registry.position(subject.partition(), time.known_at)?;
                let known_at = KnownAt::Seq(position.seq);
                let rows = registry.history_of(subject, time.valid_at, known_at, &page)?;
                Ok((rows, position))
            })
            .await?;
        let next_page_token = question.token(&rows);
        let rows = rows
            .rows
            .into_iter()
            .map(|row| Ok(history_entry(way.row_as_reached(row)?, asked.with_bytes)));
        Ok(Response::new(v1::GetHistoryResponse {
            entries: rows.collect::<Result<_, Status>>()?,
            next_page_token,
            read_at: position.to_string(),
        }))
    }

    async fn diff(
        &self,
        request: Request<v1::DiffRequest>,
    ) -> Result<Response<v1::DiffResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let min_commit = std::mem::take(&mut asked.min_commit);
        let question = Question::new(&way, &asked, None);
        let page = question.page(&mut violations, size, &token);
        let subject = common::required(&mut violations, "subject_id", &asked.subject_id);
        let nothing = KnownAt::Seq(0);
        let from = known_at(
            &mut violations,
            "known_from",
            asked.known_from,
            asked.known_from_seq,
            nothing,
        );
        let to =
            known_at(&mut violations, "known_to", asked.known_to, asked.known_to_seq, KnownAt::Now);
        let to_come =
            [("known_from", from), ("known_to", to)].into_iter().filter_map(|(field, at)| {
                Some(Refusal { field: field.to_owned(), ..way.registry().to_come(at)? })
            });
        way.with_all_of("min_commit", &min_commit, violations, to_come.collect()).await?;
        let subject: SubjectId = way.was_read(subject)?;
        way.check_reach("subject_id", subject)?;
        let (page, from, to) =
            way.blocking(move |registry| registry.diff(subject, from, to, &page)).await?;
        let next_page_token = question.token(&page);
        let diffs = page.rows.into_iter().map(subject_diff);
        Ok(Response::new(v1::DiffResponse {
            diffs: diffs.collect(),
            next_page_token,
            from: from.to_string(),
            to: to.to_string(),
        }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.with_at_least("min_commit", &asked.min_commit, Violations::default()).await?;
        let partition = way.partition("partition", asked.partition)?;
        let found =
            way.blocking(move |registry| registry.checkpoint(partition, asked.size)).await?;
        Ok(Response::new(v1::GetCheckpointResponse { checkpoint: Some(checkpoint(&found)) }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.with_at_least("min_commit", &asked.min_commit, Violations::default()).await?;
        let partition = way.partition("partition", asked.partition)?;
        let (found, bytes, proof) = way
            .blocking(move |registry| registry.inclusion(partition, asked.seq, asked.size))
            .await?;
        let (leaf, entry) = way.as_reached(bytes)?;
        Ok(Response::new(v1::GetInclusionProofResponse {
            checkpoint: Some(checkpoint(&found)),
            entry,
            proof: hashes(&proof),
            leaf: leaf.0.to_vec(),
        }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.with_at_least("min_commit", &asked.min_commit, Violations::default()).await?;
        let partition = way.partition("partition", asked.partition)?;
        let (old, new, proof) = way
            .blocking(move |registry| {
                registry.consistency(partition, asked.old_size, asked.new_size)
            })
            .await?;
        Ok(Response::new(v1::GetConsistencyProofResponse {
            old: Some(checkpoint(&old)),
            new: Some(checkpoint(&new)),
            proof: hashes(&proof),
        }))
    }
}

impl Way {
    /// Reads the number of a partition that is there.
    pub(crate) fn partition(&self, field: &str, number: u32) -> Result<Partition, Status> {
        let partition =
            Partition::new(number).filter(|partition| self.registry().frontier(*partition).seq > 0);
        let missing = Refusal::missing(field, format!("partition {number}"));
        partition.ok_or_else(|| status::refused(&[missing]))
    }

    /// How much of an entry the caller reaches.
    fn reach_of(&self, entry: &Entry) -> Result<Reach, Status> {
        if self.reaches_everything()? {
            return Ok(Reach::Whole);
        }
        let mut reached = Vec::new();
        for link in &entry.subjects {
            if self.reaches(link.subject)? {
                reached.push(link.subject);
            }
        }
        // What is about nobody, such as a case, is only for those who reach everything.
        let is_whole = !reached.is_empty() && reached.len() == entry.subjects.len();
        Ok(if is_whole { Reach::Whole } else { Reach::Subjects(reached) })
    }

    /// An entry's leaf, and its bytes as far as the caller reaches what it is about: without the parts
    /// of subjects that are out of reach, and none at all when all of them are.
    pub(crate) fn as_reached(&self, bytes: Vec<u8>) -> Result<(Hash, Vec<u8>), Status> {
        let (entry, leaf) = Entry::decode(&bytes).map_err(status::status)?;
        let bytes = match self.reach_of(&entry)? {
            Reach::Whole => bytes,
            Reach::Subjects(reached) if reached.is_empty() => Vec::new(),
            Reach::Subjects(reached) => show(&bytes, &reached).map_err(status::status)?,
        };
        Ok((leaf, bytes))
    }

    /// A row of a history as far as the caller reaches what its entry is about.
    fn row_as_reached(&self, row: HistoryRow) -> Result<HistoryRow, Status> {
        match self.reach_of(&row.entry)? {
            Reach::Whole => Ok(row),
            Reach::Subjects(reached) => {
                let bytes = show(&row.bytes, &reached).map_err(status::status)?;
                let (entry, _) = Entry::decode(&bytes).map_err(status::status)?;
                Ok(HistoryRow { entry, bytes, ..row })
            }
        }
    }
}

/// How much of an entry is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// All of it.
    Whole,
    /// What it says in common and of these of its subjects; without any, nothing.
    Subjects(Vec<SubjectId>),
}

fn checkpoint(checkpoint: &Checkpoint) -> v1::Checkpoint {
    v1::Checkpoint {
        registry_id: common::hex(&checkpoint.registry),
        partition: checkpoint.partition.number(),
        size: checkpoint.size,
        root: checkpoint.root.0.to_vec(),
        suite: SUITE.to_owned(),
        stamp: (checkpoint.size > 0).then(|| common::timestamp(checkpoint.stamp)),
    }
}

fn hashes(proof: &[Hash]) -> Vec<Vec<u8>> {
    proof.iter().map(|hash| hash.0.to_vec()).collect()
}

/// An entry as a history tells it; its bytes go along when they are asked for.
pub fn history_entry(row: HistoryRow, with_bytes: bool) -> v1::HistoryEntry {
    let HistoryRow { position, entry, bytes, corrected_by, in_doubt, erased_by } = row;
    let (mut kind, mut values, mut overridden) = ("", Vec::new(), Vec::new());
    let mut valid_from = entry.valid_from.map(|day| day.to_string()).unwrap_or_default();
    let (mut source, mut source_key) = (String::new(), String::new());
    if let Some(body) = entry.body {
        kind = word(&body.fact);
        // An imprecise day is told as it was said, not as the first day that it can mean.
        if let Fact::Registered { exists_from: said, .. } | Fact::Ended { day: said, .. } =
            &body.fact
        {
            valid_from = said.to_string();
        }
        values = field_values(&body.fact);
        overridden = body.overridden;
        if let Some(row) = body.source_row {
            (source, source_key) = (row.source, row.key);
        }
    }
    let Text { reason, sentences } = entry.text.unwrap_or_default();
    for value in &mut values {
        // The fact says that a field is doubted, and the entry's text why.
        let why = value.field.strip_prefix("doubts.").filter(|_| value.value.is_some());
        let why = why.and_then(|field| sentences.iter().find(|(about, _)| about == field));
        if let Some((_, sentence)) = why {
            value.value = Some(sentence.clone());
        }
    }
    v1::HistoryEntry {
        position: position.to_string(),
        recorded_at: Some(common::timestamp(entry.stamp)),
        kind: kind.to_owned(),
        valid_from,
        actor_subject: entry.author.subject,
        actor_role: entry.author.role,
        actor_institution: entry.author.institution,
        actor_person: entry.author.person,
        reason,
        corrects: entry.corrects,
        corrected_by,
        values,
        in_doubt,
        entry: if with_bytes { bytes } else { Vec::new() },
        overridden,
        source,
        source_key,
        text_erased_by: erased_by,
    }
}

fn word(fact: &Fact) -> &'static str {
    match fact {
        Fact::Succession { .. } => "succession",
        other => other.word(),
    }
}

/// What a fact says, field by field.
fn field_values(fact: &Fact) -> Vec<v1::FieldValue> {
    let value =
        |field: &str, value: String| v1::FieldValue { field: field.to_owned(), value: Some(value) };
    let of = |content: &Content| {
        let texts = content.texts().into_iter();
        texts.map(|(field, value)| v1::FieldValue { field, value }).collect::<Vec<_>>()
    };
    match fact {
        Fact::Registered { exists_from, content, .. } => {
            let mut values = vec![value("exists_from", exists_from.to_string())];
            values.extend(of(content));
            values
        }
        Fact::Changed { content, .. } => of(content),
        Fact::Ended { day, cause, .. } => {
            let cause = v1::EndCause::try_from(*cause as i32).unwrap_or_default();
            let cause = cause.as_str_name().trim_start_matches("END_CAUSE_").to_owned();
            vec![value("ended_on", day.to_string()), value("cause", cause)]
        }
        Fact::Succession { edges, .. } => edges
            .iter()
            .map(|edge| {
                let share = format!("{}/{}", edge.share_numerator, edge.share_denominator);
                value("edge", format!("{} to {}: {share}", edge.from, edge.into))
            })
            .collect(),
        Fact::Erased { seq, order, ordered_by, .. } => vec![
            value("erased_entry", seq.to_string()),
            value("order", order.clone()),
            value("ordered_by", ordered_by.clone()),
        ],
        _ => Vec::new(),
    }
}

fn subject_diff(diff: SubjectDiff) -> v1::SubjectDiff {
    let fields = diff.fields.into_iter().map(|field| v1::FieldDiff {
        field: field.field,
        from: field.from.to_string(),
        until: field.until.map(|day| day.to_string()).unwrap_or_default(),
        old: field.old,
        new: field.new,
    });
    v1::SubjectDiff {
        subject_id: diff.subject.to_string(),
        entries: diff.entries,
        fields: fields.collect(),
    }
}
