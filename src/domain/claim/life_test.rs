//! Claims as lines: what is said, where the claim stands and what each stage comes to.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        claim::payable::{Held, left},
        finding::PartyKey,
    },
    kernel::time::Answer,
};

fn fen(yuan: &str) -> Fen {
    yuan.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn step(words: &[&str]) -> Step {
    match words {
        ["register"] => Step::Registered,
        ["check"] => Step::CoverageChecked { answer: Answer::Yes, against: Vec::new() },
        ["survey", amount] => Step::Surveyed { assessed: fen(amount) },
        ["approve", amount] => Step::Approved { amount: fen(amount) },
        ["decline", code] => Step::Declined { code: (*code).to_owned() },
        ["reserve", amount] => Step::Reserved { amount: fen(amount) },
        ["repair"] => Step::Settling(Settlement::Repair),
        ["cash"] => Step::Settling(Settlement::Cash),
        ["accept"] => Step::Accepted,
        ["pay", amount] => Step::Paid(Payment {
            amount: fen(amount),
            to: PartyKey("owner".to_owned()),
            invoice: None,
            work: None,
        }),
        ["recover", amount] => {
            Step::Recovered { amount: fen(amount), from: PartyKey("builder".to_owned()) }
        }
        ["close"] => Step::Closed,
        ["withdraw"] => Step::Withdrawn,
        ["dispute"] => Step::Disputed,
        ["appraise", amount] => {
            Step::Appraised { amount: fen(amount), by: PartyKey("institute".to_owned()) }
        }
        ["reopen"] => Step::Reopened,
        _ => panic!("{words:?}"),
    }
}

/// `li` is a person of their own; `desk/li` is li through a system.
fn person(text: &str) -> Author {
    let (subject, person) = text.split_once('/').unwrap_or((text, ""));
    Author { subject: subject.to_owned(), person: person.to_owned(), ..Author::default() }
}

fn amounts(claim: &Claim) -> String {
    let mut text = String::new();
    let some = |amount: Fen| (amount > Fen::ZERO).then_some(amount);
    let named = [
        ("assessed", claim.assessed),
        ("appraised", claim.appraised),
        ("approved", claim.approved),
        ("reserved", claim.reserved),
        ("paid", some(claim.paid)),
        ("recovered", some(claim.recovered)),
    ];
    for (name, amount) in named {
        if let Some(amount) = amount {
            write!(text, " {name} {amount}").unwrap();
        }
    }
    text
}

/// Plays a script, a line a step: day, who, what. A step that is refused leaves everything as it is.
#[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
fn check(script: &str, expected: Expect) {
    let mut claim = Claim::noticed(ClaimContent::default(), day("2026-01-05"));
    let mut told = String::new();
    for (seq, line) in (1..).zip(script.lines().map(str::trim).filter(|line| !line.is_empty())) {
        let words: Vec<&str> = line.split(' ').collect();
        let [on, who, step_words @ ..] = words.as_slice() else { panic!("{line}") };
        let before = claim.clone();
        claim.push(seq, day(on), &Told::new(step(step_words), person(who)));
        let refused = claim.events.last().unwrap().out_of_place.clone();
        if refused.is_empty() {
            writeln!(told, "{line}: {}{}", claim.stage.word(), amounts(&claim)).unwrap();
        } else {
            let reasons: Vec<_> = refused.iter().map(Refusal::reason).collect();
            writeln!(told, "{line}: {}", reasons.join(" ")).unwrap();
            claim = before;
        }
    }
    expected.assert_eq(&told);
}

#[test]
fn a_claim_goes_from_notice_to_recourse_each_stage_with_its_amount() {
    check(
        "
        2026-01-06 li register
        2026-01-06 li check
        2026-01-10 sun survey 1200.00
        2026-01-12 li approve 1000.00
        2026-01-12 li reserve 1000.00
        2026-01-13 li reserve 1100.00
        2026-01-14 li repair
        2026-02-01 owner accept
        2026-02-02 li pay 600.00
        2026-02-02 desk/wang pay 600.00
        2026-02-03 desk/wang pay 400.00
        2026-02-03 desk/wang pay 0.01
        2026-03-01 li recover 1000.01
        2026-03-01 li recover 250.00
        2026-04-01 li recover 150.00
        2026-05-01 li close
        2026-05-02 desk/wang pay 1.00
        ",
        expect![[r"
            2026-01-06 li register: registered
            2026-01-06 li check: checked
            2026-01-10 sun survey 1200.00: surveyed assessed 1200.00
            2026-01-12 li approve 1000.00: approved assessed 1200.00 approved 1000.00
            2026-01-12 li reserve 1000.00: reserved assessed 1200.00 approved 1000.00 reserved 1000.00
            2026-01-13 li reserve 1100.00: RESERVED_ABOVE_APPROVED
            2026-01-14 li repair: settling assessed 1200.00 approved 1000.00 reserved 1000.00
            2026-02-01 owner accept: accepted assessed 1200.00 approved 1000.00 reserved 1000.00
            2026-02-02 li pay 600.00: FOUR_EYES
            2026-02-02 desk/wang pay 600.00: paid assessed 1200.00 approved 1000.00 reserved 1000.00 paid 600.00
            2026-02-03 desk/wang pay 400.00: paid assessed 1200.00 approved 1000.00 reserved 1000.00 paid 1000.00
            2026-02-03 desk/wang pay 0.01: PAID_ABOVE_APPROVED
            2026-03-01 li recover 1000.01: RECOVERED_ABOVE_PAID
            2026-03-01 li recover 250.00: recourse assessed 1200.00 approved 1000.00 reserved 1000.00 paid 1000.00 recovered 250.00
            2026-04-01 li recover 150.00: recourse assessed 1200.00 approved 1000.00 reserved 1000.00 paid 1000.00 recovered 400.00
            2026-05-01 li close: closed assessed 1200.00 approved 1000.00 reserved 1000.00 paid 1000.00 recovered 400.00
            2026-05-02 desk/wang pay 1.00: CLAIM_CLOSED PAID_ABOVE_APPROVED
        "]],
    );
}

#[test]
fn each_step_waits_for_the_one_before_it() {
    check(
        "
        2026-01-06 li check
        2026-01-06 li survey 1.00
        2026-01-06 li approve 1.00
        2026-01-06 li reserve 1.00
        2026-01-06 li cash
        2026-01-06 li accept
        2026-01-06 wang pay 1.00
        2026-01-06 li recover 1.00
        2026-01-06 li close
        2026-01-06 li decline EXCLUDED
        2026-01-06 li dispute
        2026-01-06 li appraise 1.00
        2026-01-06 li reopen
        2026-01-06 li register
        2026-01-06 li register
        2026-01-06 li survey 1.00
        2026-01-07 li check
        2026-01-07 li check
        2026-01-08 li survey 2.00
        2026-01-08 li check
        2026-01-08 li survey 3.00
        2026-01-09 li approve 3.00
        2026-01-09 li survey 3.00
        2026-01-09 li approve 2.00
        ",
        expect![[r"
            2026-01-06 li check: CLAIM_NOT_REGISTERED
            2026-01-06 li survey 1.00: CLAIM_NOT_CHECKED
            2026-01-06 li approve 1.00: CLAIM_NOT_SURVEYED
            2026-01-06 li reserve 1.00: CLAIM_NOT_APPROVED
            2026-01-06 li cash: CLAIM_NOT_RESERVED
            2026-01-06 li accept: CLAIM_NOT_SETTLED
            2026-01-06 wang pay 1.00: CLAIM_NOT_ACCEPTED
            2026-01-06 li recover 1.00: CLAIM_NOT_PAID
            2026-01-06 li close: CLAIM_NOT_PAID
            2026-01-06 li decline EXCLUDED: CLAIM_NOT_REGISTERED
            2026-01-06 li dispute: CLAIM_NOT_SURVEYED
            2026-01-06 li appraise 1.00: CLAIM_NOT_DISPUTED
            2026-01-06 li reopen: CLAIM_NOT_OVER
            2026-01-06 li register: registered
            2026-01-06 li register: CLAIM_STEP_DONE
            2026-01-06 li survey 1.00: CLAIM_NOT_CHECKED
            2026-01-07 li check: checked
            2026-01-07 li check: checked
            2026-01-08 li survey 2.00: surveyed assessed 2.00
            2026-01-08 li check: surveyed assessed 2.00
            2026-01-08 li survey 3.00: surveyed assessed 3.00
            2026-01-09 li approve 3.00: approved assessed 3.00 approved 3.00
            2026-01-09 li survey 3.00: CLAIM_STEP_DONE
            2026-01-09 li approve 2.00: CLAIM_STEP_DONE
        "]],
    );
}

#[test]
fn what_is_disputed_waits_for_a_third_party() {
    check(
        "
        2026-01-06 li register
        2026-01-06 li check
        2026-01-10 sun survey 100.00
        2026-01-12 li approve 80.00
        2026-01-20 owner dispute
        2026-01-21 li reserve 80.00
        2026-02-10 zhao appraise 140.00
        2026-02-11 li approve 140.00
        2026-02-11 li reserve 140.00
        2026-02-11 li cash
        2026-02-12 owner accept
        2026-02-13 wang pay 140.00
        2026-02-14 li close
        ",
        expect![[r"
            2026-01-06 li register: registered
            2026-01-06 li check: checked
            2026-01-10 sun survey 100.00: surveyed assessed 100.00
            2026-01-12 li approve 80.00: approved assessed 100.00 approved 80.00
            2026-01-20 owner dispute: disputed assessed 100.00 approved 80.00
            2026-01-21 li reserve 80.00: CLAIM_DISPUTED
            2026-02-10 zhao appraise 140.00: appraised assessed 100.00 appraised 140.00 approved 80.00
            2026-02-11 li approve 140.00: approved assessed 100.00 appraised 140.00 approved 140.00
            2026-02-11 li reserve 140.00: reserved assessed 100.00 appraised 140.00 approved 140.00 reserved 140.00
            2026-02-11 li cash: settling assessed 100.00 appraised 140.00 approved 140.00 reserved 140.00
            2026-02-12 owner accept: accepted assessed 100.00 appraised 140.00 approved 140.00 reserved 140.00
            2026-02-13 wang pay 140.00: paid assessed 100.00 appraised 140.00 approved 140.00 reserved 140.00 paid 140.00
            2026-02-14 li close: closed assessed 100.00 appraised 140.00 approved 140.00 reserved 140.00 paid 140.00
        "]],
    );
}

#[test]
fn what_is_over_is_reopened_and_looked_at_anew() {
    check(
        "
        2026-01-06 li register
        2026-01-07 li decline EXCLUDED
        2026-01-08 li check
        2026-01-20 owner dispute
        2026-01-22 zhao appraise 50.00
        2026-01-23 li approve 50.00
        2026-01-23 li check
        2026-01-23 li approve 50.00
        2026-01-24 owner withdraw
        2026-01-25 owner withdraw
        2026-02-01 li reopen
        2026-02-01 li reopen
        2026-02-02 li approve 50.00
        2026-02-02 li check
        2026-02-03 li survey 60.00
        2026-02-03 li approve 55.00
        2026-02-03 li reserve 55.00
        2026-02-03 li cash
        2026-02-03 owner accept
        2026-02-04 wang pay 55.00
        2026-02-05 li close
        2026-03-01 li reopen
        2026-03-02 li check
        2026-03-02 li survey 70.00
        2026-03-02 li approve 54.99
        2026-03-02 li approve 70.00
        ",
        expect![[r"
            2026-01-06 li register: registered
            2026-01-07 li decline EXCLUDED: declined
            2026-01-08 li check: CLAIM_DECLINED
            2026-01-20 owner dispute: disputed
            2026-01-22 zhao appraise 50.00: appraised appraised 50.00
            2026-01-23 li approve 50.00: CLAIM_NOT_CHECKED
            2026-01-23 li check: appraised appraised 50.00
            2026-01-23 li approve 50.00: approved appraised 50.00 approved 50.00
            2026-01-24 owner withdraw: withdrawn appraised 50.00
            2026-01-25 owner withdraw: CLAIM_WITHDRAWN
            2026-02-01 li reopen: reopened appraised 50.00
            2026-02-01 li reopen: CLAIM_NOT_OVER
            2026-02-02 li approve 50.00: CLAIM_NOT_SURVEYED
            2026-02-02 li check: checked appraised 50.00
            2026-02-03 li survey 60.00: surveyed assessed 60.00
            2026-02-03 li approve 55.00: approved assessed 60.00 approved 55.00
            2026-02-03 li reserve 55.00: reserved assessed 60.00 approved 55.00 reserved 55.00
            2026-02-03 li cash: settling assessed 60.00 approved 55.00 reserved 55.00
            2026-02-03 owner accept: accepted assessed 60.00 approved 55.00 reserved 55.00
            2026-02-04 wang pay 55.00: paid assessed 60.00 approved 55.00 reserved 55.00 paid 55.00
            2026-02-05 li close: closed assessed 60.00 approved 55.00 reserved 55.00 paid 55.00
            2026-03-01 li reopen: reopened assessed 60.00 approved 55.00 paid 55.00
            2026-03-02 li check: checked assessed 60.00 approved 55.00 paid 55.00
            2026-03-02 li survey 70.00: surveyed assessed 70.00 approved 55.00 paid 55.00
            2026-03-02 li approve 54.99: APPROVED_BELOW_PAID
            2026-03-02 li approve 70.00: approved assessed 70.00 approved 70.00 paid 55.00
        "]],
    );
}

/// Any step with small amounts, said by one of three.
fn any_told() -> impl Strategy<Value = Told> {
    let amount = (1_u64..40).prop_map(|fen| Fen::new(fen).unwrap());
    let party = || PartyKey("party".to_owned());
    let step = prop_oneof![
        Just(Step::Registered),
        Just(Step::CoverageChecked { answer: Answer::Yes, against: Vec::new() }),
        amount.clone().prop_map(|assessed| Step::Surveyed { assessed }),
        amount.clone().prop_map(|amount| Step::Approved { amount }),
        Just(Step::Declined { code: "x".to_owned() }),
        amount.clone().prop_map(|amount| Step::Reserved { amount }),
        Just(Step::Settling(Settlement::Cash)),
        Just(Step::Accepted),
        amount.clone().prop_map(move |amount| Step::Paid(Payment {
            amount,
            to: party(),
            invoice: None,
            work: None,
        })),
        amount.clone().prop_map(move |amount| Step::Recovered { amount, from: party() }),
        Just(Step::Closed),
        Just(Step::Withdrawn),
        Just(Step::Disputed),
        amount.prop_map(move |amount| Step::Appraised { amount, by: party() }),
        Just(Step::Reopened),
    ];
    (step, 0_usize..3).prop_map(|(step, who)| Told::new(step, person(["a", "b", "c"][who])))
}

/// Recounts from the events alone: what was paid, what was approved last, by whom, and what is held.
fn recount(claim: &Claim) -> (u64, u64, u64) {
    let (mut paid, mut approved, mut recovered) = (0, 0, 0);
    let mut signed = None;
    for event in claim.events.iter().filter(|event| event.out_of_place.is_empty()) {
        match &event.step {
            Step::Approved { amount } => {
                approved = amount.count();
                signed = Some(event.by.subject.clone());
                assert!(approved >= paid, "less is approved than was paid");
            }
            Step::Paid(payment) => {
                paid += payment.amount.count();
                assert!(paid <= approved, "more is paid than was approved");
                assert_ne!(signed.as_deref(), Some(event.by.subject.as_str()));
            }
            Step::Recovered { amount, .. } => {
                recovered += amount.count();
                assert!(recovered <= paid, "more came back than went out");
            }
            Step::Declined { .. } | Step::Withdrawn => approved = paid,
            _ => {}
        }
    }
    (paid, approved.max(paid), recovered)
}

fn amounts_agree(told: &[Told]) -> Result<(), TestCaseError> {
    let mut claim = Claim::noticed(ClaimContent::default(), day("2026-01-05"));
    for (seq, told) in (1..).zip(told) {
        let before = claim.clone();
        claim.push(seq, day("2026-01-06"), told);
        let is_refused = !claim.events.last().unwrap().out_of_place.is_empty();
        if is_refused {
            prop_assert_eq!(claim.stage, before.stage);
            prop_assert_eq!(claim.held(), before.held());
        }
        let (paid, held, recovered) = recount(&claim);
        prop_assert_eq!(claim.paid.count(), paid);
        prop_assert_eq!(claim.held().count(), held);
        prop_assert_eq!(claim.recovered.count(), recovered);
    }
    Ok(())
}

/// A claim of one approval after another on one item, each taking all that is payable.
#[derive(Clone, Debug)]
struct Loss {
    amount: u64,
    event: Option<usize>,
    household: Option<usize>,
}

fn any_loss() -> impl Strategy<Value = Loss> {
    let key = || proptest::option::of(0_usize..3);
    (0_u64..400, key(), key()).prop_map(|(amount, event, household)| Loss {
        amount,
        event,
        household,
    })
}

/// The limits of an item: sum, event, household, deductible.
fn limits_hold(limits: (u64, u64, u64, u64), losses: &[Loss]) -> Result<(), TestCaseError> {
    let (sum, per_event, per_household, deductible) = limits;
    let item = CoverItem {
        cover: "x".to_owned(),
        from: None,
        until: None,
        sum_insured: Fen::new(sum).unwrap(),
        per_event: Fen::new(per_event),
        per_household: Fen::new(per_household),
        per_person: None,
        deductible: Fen::new(deductible).unwrap(),
    };
    let key = |number: Option<usize>| number.map(|number| number.to_string());
    let mut held: Vec<Held> = Vec::new();
    for loss in losses {
        let keys =
            Keys { event: key(loss.event), household: key(loss.household), ..Keys::default() };
        let most = payable::payable(Fen::new(loss.amount).unwrap(), &item, &keys, &held);
        prop_assert!(most.amount().count() <= loss.amount.saturating_sub(deductible));
        held.push(Held { keys, amount: most.amount() });
        // Each limit, recounted from all that is held.
        let total: u64 = held.iter().map(|held| held.amount.count()).sum();
        prop_assert!(total <= sum);
        prop_assert_eq!(left(&item, &held).count(), sum - total);
        for number in 0..3 {
            let of = |of: &dyn Fn(&Keys) -> Option<String>| -> u64 {
                let same = held.iter().filter(|held| of(&held.keys) == key(Some(number)));
                same.map(|held| held.amount.count()).sum()
            };
            prop_assert!(of(&|keys| keys.event.clone()) <= per_event);
            prop_assert!(of(&|keys| keys.household.clone()) <= per_household);
        }
        // A loss that is no household's is within the limit per event alone.
        let is_within = held.iter().all(|held| {
            let of_household = held.keys.household.as_ref().map_or(u64::MAX, |_| per_household);
            held.amount.count() <= per_event.min(of_household)
        });
        prop_assert!(is_within);
        // And nothing is kept back: one of the rules is used up.
        let least = [most.event, most.household].into_iter().flatten().min().unwrap();
        prop_assert_eq!(most.amount(), least.min(most.sum).min(most.after_deductible));
    }
    Ok(())
}

proptest! {
    #[test]
    fn amounts_by_stage_never_contradict(told in proptest::collection::vec(any_told(), 0..60)) {
        amounts_agree(&told)?;
    }

    #[test]
    fn limits_are_never_overspent(
        limits in (1_u64..1_000, 1_u64..600, 1_u64..400, 0_u64..60),
        losses in proptest::collection::vec(any_loss(), 0..20),
    ) {
        limits_hold(limits, &losses)?;
    }
}
