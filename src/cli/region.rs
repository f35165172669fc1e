//! Naming a subject on the command line: by its id, and a region also by a code and the day on which
//! it was used.

use std::str::FromStr;

use crate::{
    cli::{
        BadUsage, NothingFound,
        read::ReadArgs,
        session::{Answer, Session},
    },
    kernel::{
        id::{RegionId, SubjectId},
        time::Day,
    },
    proto::v1,
};

/// A region as a caller names it: `rgn_…`, or `gbt2260:410102`, or `gbt2260:410102@2020-12-31`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionName {
    /// By our id.
    Id(RegionId),
    /// By a code.
    Code {
        /// The scheme, for example `gbt2260` or `stats12`.
        scheme: String,
        /// The code.
        code: String,
        /// The day on which it was used; codes are reused.
        on: Option<Day>,
    },
}

impl FromStr for RegionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, code)) = text.split_once(':') else {
            return text.parse().map(Self::Id).map_err(|error| {
                format!("{error}; or give a code: gbt2260:410102, gbt2260:410102@2020-12-31")
            });
        };
        let (code, on) = match code.split_once('@') {
            Some((code, day)) => {
                (code, Some(day.parse().map_err(|error| format!("{day}: {error}"))?))
            }
            None => (code, None),
        };
        if scheme.is_empty() || code.is_empty() {
            return Err("a code has a scheme and a value: gbt2260:410102".to_owned());
        }
        Ok(Self::Code { scheme: scheme.to_owned(), code: code.to_owned(), on })
    }
}

/// The id of a region, looked up by its code if need be.
///
/// The code is looked up by the days and the moment of the read. An entry's number is left out: it
/// counts the entries of the region's partition, and which one that is, is what is asked here.
pub async fn resolve(
    name: &RegionName,
    read: &ReadArgs,
    partition: Option<u32>,
    session: &Session<'_>,
) -> anyhow::Result<String> {
    let (scheme, code) = match name {
        RegionName::Id(id) => return Ok(id.to_string()),
        RegionName::Code { scheme, code, .. } => (scheme, code),
    };
    let mut candidates = candidates(name, read, partition, session).await?;
    if candidates.len() > 1
        && let RegionName::Code { scheme, code, on: None } = name
        && read.valid_at.is_some()
    {
        // The day that is asked about decides which of them is meant, if one had it then.
        let (scheme, code) = (scheme.clone(), code.clone());
        let name = RegionName::Code { scheme, code, on: read.valid_at };
        let then = self::candidates(&name, read, partition, session).await?;
        if !then.is_empty() {
            candidates = then;
        }
    }
    let ids: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            candidate.region.as_ref().map(|region| region.id.clone()).unwrap_or_default()
        })
        .collect();
    match ids.as_slice() {
        [] => {
            let when = if read.known_at.is_some() { ", as known by --known-at" } else { "" };
            Err(NothingFound(format!("no region has the code {scheme}:{code}{when}")).into())
        }
        [only] => Ok(only.clone()),
        _ => {
            let spans: Vec<_> = candidates
                .iter()
                .zip(&ids)
                .map(|(candidate, id)| {
                    let from = match candidate.from.as_str() {
                        from if from == Day::MIN.to_string() => String::new(),
                        from => format!(" from {from}"),
                    };
                    let until = if candidate.until.is_empty() { "now" } else { &candidate.until };
                    format!("\n  {id}{from} until {until}")
                })
                .collect();
            let sentence = format!(
                "several regions had this code; say the day ({scheme}:{code}@2020-12-31), or take \
                 an id 该代码先后属于多个区划，请写明日期或编号:{}",
                spans.concat()
            );
            Err(BadUsage::new(&sentence).into())
        }
    }
}

/// The regions that have a code, each with the days on which it has it; none of an id.
pub async fn candidates(
    name: &RegionName,
    read: &ReadArgs,
    partition: Option<u32>,
    session: &Session<'_>,
) -> anyhow::Result<Vec<v1::CodeCandidate>> {
    let RegionName::Code { scheme, code, on } = name else { return Ok(Vec::new()) };
    let request = v1::ResolveCodeRequest {
        context: Some(read.without_number().context()),
        scheme: scheme.clone(),
        code: code.clone(),
        date: on.map(|day| day.to_string()).unwrap_or_default(),
        partition,
    };
    let answer: Answer<v1::ResolveCodeResponse> =
        session.ask("RegionService", "ResolveCode", &request).await?;
    Ok(answer.typed.candidates)
}

/// A subject as a caller names it: by its id, or when it is a region, as [`RegionName`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// By our id.
    Id(SubjectId),
    /// A region by a code.
    Region(RegionName),
}

impl FromStr for SubjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(':') {
            return text.parse().map(Self::Region);
        }
        text.parse().map(Self::Id).map_err(|error| {
            format!("{error}; a region can be named by a code too: gbt2260:410102")
        })
    }
}

impl SubjectName {
    /// The id, looked up if need be.
    pub async fn id(&self, read: &ReadArgs, session: &Session<'_>) -> anyhow::Result<SubjectId> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Region(name) => Ok(resolve(name, read, None, session).await?.parse()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_named_by_id_or_by_code_and_day() {
        let name = |text: &str| text.parse::<RegionName>();
        assert!(matches!(name("rgn_01HF7YAT000000E0000000001A"), Ok(RegionName::Id(_))));
        let dated = name("gbt2260:620824@2017-01-01").unwrap();
        assert!(matches!(dated, RegionName::Code { on: Some(_), .. }));
        assert!(name("410102").unwrap_err().contains("gbt2260:410102"));
        assert!(name("gbt2260:").is_err());
        assert!(name("gbt2260:410102@yesterday").is_err());
        let subject = |text: &str| text.parse::<SubjectName>();
        assert!(matches!(subject("bld_01HF7YAT000000E0000000001A"), Ok(SubjectName::Id(_))));
        assert!(matches!(subject("gbt2260:410102"), Ok(SubjectName::Region(_))));
        assert!(subject("410102").unwrap_err().contains("gbt2260:410102"));
    }
}
