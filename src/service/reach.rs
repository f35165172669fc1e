//! What is out of a caller's reach, and how it is refused.
//!
//! A building, a report and whatever else lies in a region is answered as if it were not there: that
//! it is there is nobody's business outside. The tree of regions is no secret, so of a region the
//! caller is told that it lies outside the reach, and how far that goes.

use tonic::Status;

use crate::{
    auth::permission::Extent,
    domain::content::Fields,
    kernel::{
        id::{Kind, RegionId, SubjectId},
        time::ReadTime,
    },
    registry::{Class, Error, Refusal},
    service::{Way, status},
};

/// Regions of a credential that are named; one with more has the rest counted.
const REGIONS_TOLD_MAX: usize = 4;

impl Way {
    /// Why what is out of reach is refused.
    pub(crate) fn unreached(&self, field: &str, subject: SubjectId) -> Result<Refusal, Status> {
        let name = match subject.kind() {
            Kind::Region => self.region_name(subject)?,
            _ => None,
        };
        let Some(name) = name else { return Ok(Refusal::missing(field, subject)) };
        let message = format!("{name} lies outside {}", self.reach_in_words()?);
        Ok(Refusal::of(Class::OutOfReach, "OUT_OF_REACH", field, message))
    }

    /// A region by its name and id; `None` when it is not there.
    fn region_name(&self, region: SubjectId) -> Result<Option<String>, Status> {
        let registry = self.registry();
        let seen = match registry.noticed(registry.get(region, ReadTime::NOW)) {
            Ok(seen) => seen,
            Err(Error::Refused(_)) => return Ok(None),
            Err(error) => return Err(status::status(error)),
        };
        Ok(Some(match seen.content.fields {
            Fields::Region(fields) => match fields.name.flatten() {
                Some(name) => format!("{name} ({region})"),
                None => region.to_string(),
            },
            _ => region.to_string(),
        }))
    }

    /// How far the caller reaches with this call.
    fn reach_in_words(&self) -> Result<String, Status> {
        let regions = match self.extent()? {
            Extent::Regions(regions) if !regions.is_empty() => regions,
            Extent::Regions(_) => return Ok("the reach of a credential without regions".to_owned()),
            Extent::Everything | Extent::Caller => {
                return Ok("what this call is about".to_owned());
            }
        };
        let mut names = Vec::new();
        for region in regions.iter().copied().take(REGIONS_TOLD_MAX).map(RegionId::into) {
            names.push(self.region_name(region)?.unwrap_or_else(|| region.to_string()));
        }
        let more = regions.len().saturating_sub(REGIONS_TOLD_MAX);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        Ok(format!("the regions of the credential: {}", names.join(", ")))
    }
}
