//! Signers (签字人): people who sign reports, of whom the registry knows an opaque key.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push, push_list},
        qualification::{Employment, Interest, Qualification, Signer},
    },
    kernel::id::{RegionId, SignerId},
};

/// What is said of a signer. Who it is stands among the identifiers, as the municipal system's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerContent {
    /// The region that keeps them in its list.
    pub region: Said<RegionId>,
    /// Their own licences, all of them.
    pub qualifications: Said<Vec<Qualification>>,
    /// For whom they work and worked, all of it.
    pub employments: Said<Vec<Employment>>,
    /// The interests that they declared, all of them.
    pub interests: Said<Vec<Interest>>,
}

impl SignerContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.region, &newer.region);
        lay(&mut self.qualifications, &newer.qualifications);
        lay(&mut self.employments, &newer.employments);
        lay(&mut self.interests, &newer.interests);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "region_id", &self.region);
        push_list(&mut texts, "qualifications", &self.qualifications);
        push_list(&mut texts, "employments", &self.employments);
        push_list(&mut texts, "interests", &self.interests);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "region_id", &mut self.region);
        drop_unless(keep, "qualifications", &mut self.qualifications);
        drop_unless(keep, "employments", &mut self.employments);
        drop_unless(keep, "interests", &mut self.interests);
    }

    /// The signer as the rules of signing ask for them.
    pub fn judged_as(&self, id: SignerId) -> Signer {
        Signer {
            key: id,
            qualifications: self.qualifications.clone().flatten().unwrap_or_default(),
            employments: self.employments.clone().flatten().unwrap_or_default(),
            interests: self.interests.clone().flatten().unwrap_or_default(),
        }
    }
}
