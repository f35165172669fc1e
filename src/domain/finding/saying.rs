//! What is said of a finding: that it was seen, and every step of its way.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{finding::catalogue::Severity, key::ProjectKey},
    kernel::{
        id::{ReportId, UnitId},
        time::Day,
    },
};

/// Names a party by an opaque key: an owner, a contractor, an inspection body, an office.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartyKey(pub String);

/// Who saw a defect. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Source {
    /// 体检人员
    Inspector = 1,
    /// 巡查
    Patrol = 2,
    /// 保险机构巡检
    Insurer = 3,
    /// 业主报告
    Owner = 4,
    /// 传感器报警: a sensor that an insurer, or anybody else, has put up.
    Sensor = 5,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] =
        [Self::Inspector, Self::Patrol, Self::Insurer, Self::Owner, Self::Sensor];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inspector => "inspector",
            Self::Patrol => "patrol",
            Self::Insurer => "insurer",
            Self::Owner => "owner",
            Self::Sensor => "sensor",
        }
    }

    /// The source with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|source| *source as u32 == number)
    }
}

/// Where in the building. What is not said is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// 单元
    pub entrance: Option<String>,
    /// The floor, as in a unit's.
    pub floor: Option<i16>,
    /// 户
    pub unit: Option<UnitId>,
    /// The part, for example `north façade`.
    pub part: Option<String>,
}

impl Place {
    /// Whether both may mean the same place: nothing that both say differs.
    pub fn may_be(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        agree(self.entrance.as_ref(), other.entrance.as_ref())
            && agree(self.floor.as_ref(), other.floor.as_ref())
            && agree(self.unit.as_ref(), other.unit.as_ref())
            && agree(self.part.as_ref(), other.part.as_ref())
    }
}

/// What somebody saw.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observation {
    /// In what part.
    pub source: Source,
    /// Who.
    pub observer: PartyKey,
    /// The class's code.
    pub class: String,
    /// How bad it looked.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// The report it stands in, if any.
    pub report: Option<ReportId>,
}

/// What keeps people from harm until the repair. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Measure {
    /// 围挡
    Fence = 1,
    /// 撤离
    Evacuation = 2,
    /// 支撑
    Propping = 3,
    /// 停用
    OutOfUse = 4,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 4] = [Self::Fence, Self::Evacuation, Self::Propping, Self::OutOfUse];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fence => "fence",
            Self::Evacuation => "evacuation",
            Self::Propping => "propping",
            Self::OutOfUse => "out_of_use",
        }
    }

    /// The measure with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| *measure as u32 == number)
    }
}

/// What is said of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// Somebody saw it.
    Observed(Observation),
    /// Class and severity are settled, whatever was seen before; later observations may be worse.
    Assessed {
        /// The class's code.
        class: String,
        /// How bad it is.
        severity: Severity,
        /// Why.
        reason: String,
    },
    /// 整改通知: a notice was served. The last day for the repair is the one that it gives, or else
    /// follows from its day by the rule, see `deadline`.
    Notified {
        /// The last day that the notice itself gives.
        deadline: Option<Day>,
    },
    /// The deadline is another.
    DeadlineMoved {
        /// The last day.
        deadline: Day,
        /// Why.
        reason: String,
    },
    /// 整改方案: a repair is planned.
    Planned {
        /// Who is to repair.
        repairer: PartyKey,
    },
    /// The repair began.
    RepairBegan {
        /// Who repairs.
        repairer: PartyKey,
    },
    /// Somebody says that it is repaired.
    ReportedFixed {
        /// Who repaired.
        repairer: PartyKey,
    },
    /// Another party has seen that it is.
    Verified {
        /// Who.
        verifier: PartyKey,
    },
    /// Somebody has seen that it is not.
    VerificationFailed {
        /// Who.
        verifier: PartyKey,
        /// What is missing.
        reason: String,
    },
    /// 销号: it is done.
    Closed,
    /// It is watched from now on.
    Monitored,
    /// It is watched no more.
    MonitoringEnded,
    /// An emergency measure was taken.
    MeasureTaken(Measure),
    /// An emergency measure was lifted.
    MeasureLifted(Measure),
    /// A renovation project is to mend it.
    Included(ProjectKey),
    /// No renovation project is to mend it any more.
    Excluded,
    /// What was defective is no more: demolished, removed.
    ObjectGone {
        /// Why.
        reason: String,
    },
    /// 免于整改
    Waived {
        /// Why.
        reason: String,
    },
    /// What was closed or waived is open again.
    Reopened {
        /// Why.
        reason: String,
    },
    /// What was said in this place never was so.
    Retracted,
}

impl fmt::Display for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Observed(seen) => write!(
                f,
                " {} {} by {} {}{}",
                seen.class,
                seen.severity.word(),
                seen.source.word(),
                seen.observer.0,
                seen.place
            ),
            Self::Assessed { class, severity, .. } => write!(f, " {class} {}", severity.word()),
            Self::Notified { deadline: Some(deadline) } | Self::DeadlineMoved { deadline, .. } => {
                write!(f, " until {deadline}")
            }
            Self::Planned { repairer }
            | Self::RepairBegan { repairer }
            | Self::ReportedFixed { repairer } => write!(f, " by {}", repairer.0),
            Self::Verified { verifier } | Self::VerificationFailed { verifier, .. } => {
                write!(f, " by {}", verifier.0)
            }
            Self::MeasureTaken(measure) | Self::MeasureLifted(measure) => {
                write!(f, " {}", measure.word())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entrance) = &self.entrance {
            write!(f, " entrance {entrance}")?;
        }
        if let Some(floor) = self.floor {
            write!(f, " floor {floor}")?;
        }
        if let Some(unit) = self.unit {
            write!(f, " {unit}")?;
        }
        self.part.as_ref().map_or(Ok(()), |part| write!(f, " {part}"))
    }
}

impl Saying {
    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Observed(_) => "observed",
            Self::Assessed { .. } => "assessed",
            Self::Notified { .. } => "notified",
            Self::DeadlineMoved { .. } => "deadline_moved",
            Self::Planned { .. } => "planned",
            Self::RepairBegan { .. } => "repair_began",
            Self::ReportedFixed { .. } => "reported_fixed",
            Self::Verified { .. } => "verified",
            Self::VerificationFailed { .. } => "verification_failed",
            Self::Closed => "closed",
            Self::Monitored => "monitored",
            Self::MonitoringEnded => "monitoring_ended",
            Self::MeasureTaken(_) => "measure_taken",
            Self::MeasureLifted(_) => "measure_lifted",
            Self::Included(_) => "included",
            Self::Excluded => "excluded",
            Self::ObjectGone { .. } => "object_gone",
            Self::Waived { .. } => "waived",
            Self::Reopened { .. } => "reopened",
            Self::Retracted => "retracted",
        }
    }

    /// The same without its reason, which is free text and kept apart from what is so.
    #[must_use]
    pub fn without_reason(mut self) -> Self {
        match &mut self {
            Self::Assessed { reason, .. }
            | Self::DeadlineMoved { reason, .. }
            | Self::VerificationFailed { reason, .. }
            | Self::ObjectGone { reason }
            | Self::Waived { reason }
            | Self::Reopened { reason } => reason.clear(),
            _ => {}
        }
        self
    }

    /// The same with a reason, where it must have one.
    #[must_use]
    pub fn because(mut self, why: &str) -> Self {
        match &mut self {
            Self::Assessed { reason, .. }
            | Self::DeadlineMoved { reason, .. }
            | Self::VerificationFailed { reason, .. }
            | Self::ObjectGone { reason }
            | Self::Waived { reason }
            | Self::Reopened { reason } => why.clone_into(reason),
            _ => {}
        }
        self
    }

    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Assessed { reason, .. }
            | Self::DeadlineMoved { reason, .. }
            | Self::VerificationFailed { reason, .. }
            | Self::ObjectGone { reason }
            | Self::Waived { reason }
            | Self::Reopened { reason } => Some(reason),
            _ => None,
        }
    }

    /// The report that an observation stands in.
    pub(crate) const fn report(&self) -> Option<ReportId> {
        match self {
            Self::Observed(seen) => seen.report,
            _ => None,
        }
    }

    pub(super) fn class(&self) -> Option<&str> {
        match self {
            Self::Observed(Observation { class, .. }) | Self::Assessed { class, .. } => Some(class),
            _ => None,
        }
    }
}
