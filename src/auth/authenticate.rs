//! From a request's headers to its actor, against a token file that may change while we run.
//!
//! The file is looked at, at most once a second, by whichever request comes first; there is no
//! thread for it. A new file that cannot be used leaves the tokens of the last good one in force,
//! and says so once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::auth::actor::{Actor, BadKey, check_key};
use crate::auth::token::{Token, TokenFile, TokenFileError, Version};
use crate::kernel::time::Stamp;

/// How long a change of the file may go unnoticed, at most, while requests come in.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why it is not known who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No `authorization: Bearer …`.
    #[error("send `authorization: Bearer anju_…`; `anju token new` makes a token")]
    Missing,
    /// No token has this secret.
    #[error("no token has this secret")]
    Unknown,
    /// The token was taken back.
    #[error("this token was revoked")]
    Revoked,
    /// The token's last moment has passed.
    #[error("this token was good until {0}")]
    Expired(Stamp),
    /// `x-anju-person` is not an opaque key.
    #[error("x-anju-person: {0}")]
    BadPerson(BadKey),
}

impl Unauthenticated {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Unknown => "TOKEN_UNKNOWN",
            Self::Revoked => "TOKEN_REVOKED",
            Self::Expired(_) => "TOKEN_EXPIRED",
            Self::BadPerson(_) => "PERSON_MALFORMED",
        }
    }
}

/// Knows the tokens of one file. Shared by all requests.
#[derive(Debug)]
pub struct Authenticator {
    path: PathBuf,
    tokens: RwLock<Arc<TokenFile>>,
    looked: Mutex<Looked>,
}

/// When the file was last looked at, and what it was then, good or bad.
#[derive(Debug)]
struct Looked {
    at: Instant,
    version: Option<Version>,
}

impl Authenticator {
    /// Reads the file at `path`, which must be good now.
    pub fn open(path: &Path) -> Result<Self, TokenFileError> {
        let (file, version) = TokenFile::load_versioned(path)?;
        let looked = Looked { at: Instant::now(), version: Some(version) };
        Ok(Self {
            path: path.into(),
            tokens: RwLock::new(Arc::new(file)),
            looked: Mutex::new(looked),
        })
    }

    /// Who sends this `authorization` header, and for whom (`x-anju-person`), at the moment `now`.
    pub fn authenticate(
        &self,
        authorization: Option<&str>,
        person: Option<&str>,
        now: Stamp,
    ) -> Result<Actor, Unauthenticated> {
        self.look(Instant::now());
        identify(&self.tokens(), authorization, person, now)
    }

    /// The tokens now in force.
    pub fn tokens(&self) -> Arc<TokenFile> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again if it is not what it was. At most one request does so at a time.
    fn look(&self, instant: Instant) {
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if instant.saturating_duration_since(looked.at) < LOOK_EVERY {
            return;
        }
        looked.at = instant;
        let version = Version::of(&self.path).ok();
        if version == looked.version {
            return;
        }
        looked.version = version;
        match TokenFile::load_versioned(&self.path) {
            Ok((file, version)) => {
                looked.version = Some(version);
                tracing::info!(tokens.count = file.tokens().count(), "read the token file again");
                *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the new token file is not used; the tokens before it stay");
            }
        }
    }
}

/// Who sends these headers, by these tokens.
fn identify(
    tokens: &TokenFile,
    authorization: Option<&str>,
    person: Option<&str>,
    now: Stamp,
) -> Result<Actor, Unauthenticated> {
    let secret = authorization.and_then(bearer).ok_or(Unauthenticated::Missing)?;
    let Token { grant, revoked, .. } = tokens.find(secret).ok_or(Unauthenticated::Unknown)?;
    if *revoked {
        return Err(Unauthenticated::Revoked);
    }
    if let Some(last) = grant.not_after
        && last < now
    {
        return Err(Unauthenticated::Expired(last));
    }
    if let Some(person) = person {
        check_key(person).map_err(Unauthenticated::BadPerson)?;
    }
    Ok(Actor {
        subject: grant.subject.clone(),
        person: person.map(str::to_owned),
        role: grant.role,
        institution: grant.institution.clone(),
        reach: grant.reach.clone(),
    })
}

/// What follows `Bearer` (RFC 6750; the scheme's case does not matter).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, secret) = header.trim().split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::actor::{Reach, Regions};
    use crate::auth::role::Role;
    use crate::auth::token::{NewToken, add};
    use std::collections::BTreeSet;

    const NOON: Stamp = Stamp::from_micros(1_790_000_000_000_000);

    fn desk(subject: &str, not_after: Option<Stamp>) -> NewToken {
        NewToken {
            subject: subject.to_owned(),
            role: Role::DistrictOperator,
            institution: Some("district-9".to_owned()),
            reach: Reach { regions: Regions::All, institutions: BTreeSet::new() },
            not_after,
        }
    }

    fn header(secret: &str) -> String {
        format!("Bearer {secret}")
    }

    #[test]
    fn a_secret_is_its_subject_and_the_person_comes_with_the_request() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let secret = add(&path, &desk("desk", Some(NOON))).unwrap();
        let door = Authenticator::open(&path).unwrap();
        let actor = door.authenticate(Some(&header(&secret)), Some("p-1"), NOON).unwrap();
        assert_eq!(actor.subject, "desk");
        assert_eq!(actor.person.as_deref(), Some("p-1"));
        assert_eq!(actor.role, Role::DistrictOperator);
        assert_eq!(actor.institution.as_deref(), Some("district-9"));
        let shouted = format!("BEARER  {secret} ");
        assert_eq!(door.authenticate(Some(&shouted), None, NOON).unwrap().person, None);
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let secret = add(&path, &desk("desk", Some(NOON))).unwrap();
        let gone = add(&path, &desk("gone", None)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}revoked = true\n")).unwrap();
        let door = Authenticator::open(&path).unwrap();
        let reason = |authorization: Option<&str>, person, now| {
            door.authenticate(authorization, person, now).unwrap_err().reason()
        };
        let good = header(&secret);
        assert_eq!(reason(None, None, NOON), "TOKEN_MISSING");
        assert_eq!(reason(Some("Basic YTpi"), None, NOON), "TOKEN_MISSING");
        assert_eq!(reason(Some("Bearer "), None, NOON), "TOKEN_MISSING");
        assert_eq!(reason(Some("Bearer anju_00"), None, NOON), "TOKEN_UNKNOWN");
        assert_eq!(reason(Some(&header(&gone)), None, NOON), "TOKEN_REVOKED");
        let later = Stamp::from_micros(NOON.micros() + 1);
        assert_eq!(reason(Some(&good), None, later), "TOKEN_EXPIRED");
        assert_eq!(reason(Some(&good), Some("张三"), NOON), "PERSON_MALFORMED");
        assert_eq!(reason(Some(&good), Some("13800138000"), NOON), "PERSON_MALFORMED");
    }

    #[test]
    fn a_changed_file_is_read_within_a_second_and_a_broken_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let first = header(&add(&path, &desk("first", None)).unwrap());
        let door = Authenticator::open(&path).unwrap();
        let start = Instant::now();
        let second = header(&add(&path, &desk("second", None)).unwrap());
        let knows =
            |authorization: &str| identify(&door.tokens(), Some(authorization), None, NOON).is_ok();

        door.look(start);
        assert!(!knows(&second), "the file was looked at twice within a second");
        door.look(start + LOOK_EVERY);
        assert!(knows(&first) && knows(&second));

        let good = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, "[[token]]\n").unwrap();
        door.look(start + LOOK_EVERY * 2);
        assert!(knows(&first) && knows(&second));
        std::fs::remove_file(&path).unwrap();
        door.look(start + LOOK_EVERY * 3);
        assert!(knows(&first) && knows(&second));

        std::fs::write(
            &path,
            good.replace("subject = \"first\"", "subject = \"first\"\nrevoked = true"),
        )
        .unwrap();
        door.look(start + LOOK_EVERY * 4);
        assert!(!knows(&first) && knows(&second));
    }
}
