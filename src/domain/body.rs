//! Bodies (机构) that inspect or appraise, as they are said to be.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push, push_list},
        qualification::{Body, CompanyKey, Interest, Qualification},
    },
    kernel::id::{BodyId, RegionId},
};

/// What is said of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyContent {
    /// The region that keeps it in its list; it may work elsewhere in the partition.
    pub region: Said<RegionId>,
    /// Its name. A body is an institution, never a person.
    pub name: Said<String>,
    /// The company that it is.
    pub company: Said<CompanyKey>,
    /// Its licences, all of them: what is not named is not held.
    pub qualifications: Said<Vec<Qualification>>,
    /// The interests that it declared, all of them.
    pub interests: Said<Vec<Interest>>,
}

impl BodyContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.region, &newer.region);
        lay(&mut self.name, &newer.name);
        lay(&mut self.company, &newer.company);
        lay(&mut self.qualifications, &newer.qualifications);
        lay(&mut self.interests, &newer.interests);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "region_id", &self.region);
        push(&mut texts, "name", &self.name);
        push(&mut texts, "company", &self.company);
        push_list(&mut texts, "qualifications", &self.qualifications);
        push_list(&mut texts, "interests", &self.interests);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "region_id", &mut self.region);
        drop_unless(keep, "name", &mut self.name);
        drop_unless(keep, "company", &mut self.company);
        drop_unless(keep, "qualifications", &mut self.qualifications);
        drop_unless(keep, "interests", &mut self.interests);
    }

    /// The body as the rules of signing ask for it.
    pub fn judged_as(&self, id: BodyId) -> Body {
        Body {
            key: id,
            company: self.company.clone().flatten(),
            qualifications: self.qualifications.clone().flatten().unwrap_or_default(),
            interests: self.interests.clone().flatten().unwrap_or_default(),
        }
    }
}
