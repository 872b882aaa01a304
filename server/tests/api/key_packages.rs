use crate::device::{DeviceKeys, TestAccount, TestDevice, fresh, key_package};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use protocol::{
    AccountId, ClaimId, ErrorCode,
    key_packages::{
        ClaimKeyPackages, ClaimedKeyPackages, KeyPackageBytes, KeyPackageCount, PublishKeyPackages,
    },
    values::{Bytes, List},
};

async fn publish(relay: &TestRelay, device: &TestDevice, fresh: &[KeyPackageBytes]) -> Answer {
    let request = PublishKeyPackages { key_packages: List::new(fresh.to_vec()).unwrap(), last_resort: None };
    device.send(relay, Call::post("/v1/key-packages").cbor(&request)).await
}

async fn count(relay: &TestRelay, device: &TestDevice) -> u64 {
    device.send(relay, Call::get("/v1/key-packages/count")).await.cbor::<KeyPackageCount>().available
}

async fn claim(relay: &TestRelay, device: &TestDevice, claim: ClaimId, account: AccountId) -> Answer {
    let request = ClaimKeyPackages { claim_id: claim, account_id: account };
    device.send(relay, Call::post("/v1/key-packages/claim").cbor(&request)).await
}

fn claim_id() -> ClaimId {
    ClaimId::from_bytes(fresh())
}

async fn pair(relay: &TestRelay) -> (TestDevice, TestAccount, TestDevice) {
    let ben = TestAccount::new("ben");
    let device = ben.register(relay).await;
    (TestAccount::new("ada").register(relay).await, ben, device)
}

#[tokio::test]
async fn published_key_packages_are_counted() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;

        let answer = publish(&relay, &device, &[key_package(), key_package()]).await;

        assert_eq!(answer.cbor::<KeyPackageCount>().available, 5);
        assert_eq!(count(&relay, &device).await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_claim_takes_the_oldest_of_each_device_once() {
    on_both_engines(async |relay| {
        let ben = TestAccount::new("ben");
        let keys = DeviceKeys::fresh(relay.now());
        let request = ben.registration(&relay, &keys).await;
        relay.send(Call::post("/v1/accounts/register/finish").cbor(&request)).await;
        let second = ben.enrol(&relay).await;
        let ada = TestAccount::new("ada").register(&relay).await;

        let first: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();
        let next: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();

        let of = |claimed: &ClaimedKeyPackages, device| {
            claimed.key_packages.iter().find(|one| one.device_id == device).unwrap().clone()
        };
        assert_eq!(first.key_packages.len(), 2);
        assert_eq!(of(&first, keys.device_id).key_package, request.device.key_packages[0]);
        assert_eq!(of(&next, keys.device_id).key_package, request.device.key_packages[1]);
        assert!(!of(&first, second.device_id).last_resort);
        assert_eq!(count(&relay, &second).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_claim_id_gives_the_same_packages_for_an_hour() {
    on_both_engines(async |relay| {
        let (ada, ben, device) = pair(&relay).await;
        let id = claim_id();

        let first: ClaimedKeyPackages = claim(&relay, &ada, id, ben.account_id).await.cbor();
        let again: ClaimedKeyPackages = claim(&relay, &ada, id, ben.account_id).await.cbor();

        assert_eq!(first, again);
        assert_eq!(count(&relay, &device).await, 2);
        let other_target = claim(&relay, &ada, id, ada.account_id).await;
        assert_eq!(other_target.code(), ErrorCode::IdempotencyConflict);
    })
    .await;
}

#[tokio::test]
async fn a_claim_id_is_over_after_an_hour() {
    let relay = TestRelay::start().await;
    let (mut ada, ben, _) = pair(&relay).await;
    let id = claim_id();
    claim(&relay, &ada, id, ben.account_id).await.cbor::<ClaimedKeyPackages>();
    relay.advance_seconds(3600);
    ada.log_in(&relay).await;

    assert_eq!(claim(&relay, &ada, id, ben.account_id).await.code(), ErrorCode::IdempotencyConflict);
}

#[tokio::test]
async fn another_accounts_claim_id_is_its_own() {
    let relay = TestRelay::start().await;
    let (ada, ben, _) = pair(&relay).await;
    let cleo = TestAccount::new("cleo").register(&relay).await;
    let id = claim_id();

    let first: ClaimedKeyPackages = claim(&relay, &ada, id, ben.account_id).await.cbor();
    let other: ClaimedKeyPackages = claim(&relay, &cleo, id, ben.account_id).await.cbor();

    assert_ne!(first.key_packages, other.key_packages);
}

#[tokio::test]
async fn an_empty_stock_gives_the_last_resort_again_and_again() {
    on_both_engines(async |relay| {
        let (ada, ben, device) = pair(&relay).await;
        for _ in 0..3 {
            claim(&relay, &ada, claim_id(), ben.account_id).await.cbor::<ClaimedKeyPackages>();
        }
        assert_eq!(count(&relay, &device).await, 0);

        let first: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();
        let second: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();

        assert!(first.key_packages[0].last_resort);
        assert_eq!(first.key_packages, second.key_packages);
    })
    .await;
}

#[tokio::test]
async fn a_new_last_resort_replaces_the_old_one() {
    let relay = TestRelay::start().await;
    let (ada, ben, device) = pair(&relay).await;
    let fresh = key_package();
    let request = PublishKeyPackages { key_packages: List::default(), last_resort: Some(fresh.clone()) };
    device.send(&relay, Call::post("/v1/key-packages").cbor(&request)).await.cbor::<KeyPackageCount>();
    for _ in 0..3 {
        claim(&relay, &ada, claim_id(), ben.account_id).await.cbor::<ClaimedKeyPackages>();
    }

    let last: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();

    assert_eq!(last.key_packages[0].key_package, fresh);
}

#[tokio::test]
async fn a_claim_on_ones_own_account_leaves_the_caller_out() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let second = ada.enrol(&relay).await;

        let claimed: ClaimedKeyPackages = claim(&relay, &first, claim_id(), ada.account_id).await.cbor();

        assert_eq!(
            claimed.key_packages.iter().map(|one| one.device_id).collect::<Vec<_>>(),
            [second.device_id]
        );
    })
    .await;
}

#[tokio::test]
async fn a_signed_out_device_is_not_claimed_from() {
    on_both_engines(async |relay| {
        let (ada, ben, first) = pair(&relay).await;
        let second = ben.enrol(&relay).await;
        first.send(&relay, Call::delete("/v1/sessions/current")).await;

        let claimed: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();

        assert_eq!(
            claimed.key_packages.iter().map(|one| one.device_id).collect::<Vec<_>>(),
            [second.device_id]
        );
    })
    .await;
}

#[tokio::test]
async fn no_key_package_is_handed_out_twice_under_claims_at_once() {
    on_both_engines(async |relay| {
        let (ada, ben, device) = pair(&relay).await;
        publish(&relay, &device, &(0..7).map(|_| key_package()).collect::<Vec<_>>()).await;

        let calls: Vec<_> = (0..10).map(|_| claim(&relay, &ada, claim_id(), ben.account_id)).collect();
        let answers = futures_util::future::join_all(calls).await;

        let mut seen: Vec<Vec<u8>> = Vec::new();
        for answer in answers {
            let claimed: ClaimedKeyPackages = answer.cbor();
            assert!(!claimed.key_packages[0].last_resort);
            seen.push(claimed.key_packages[0].key_package.to_vec());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn twenty_claims_an_hour_are_all_that_one_account_gets_of_another() {
    on_both_engines(async |relay| {
        let (mut ada, ben, _) = pair(&relay).await;
        for _ in 0..20 {
            claim(&relay, &ada, claim_id(), ben.account_id).await.cbor::<ClaimedKeyPackages>();
        }

        let refused = claim(&relay, &ada, claim_id(), ben.account_id).await;

        assert_eq!(refused.code(), ErrorCode::RateLimited);
        assert!(refused.header("retry-after").is_some());
        relay.advance_seconds(3600);
        ada.log_in(&relay).await;
        claim(&relay, &ada, claim_id(), ben.account_id).await.cbor::<ClaimedKeyPackages>();
    })
    .await;
}

#[tokio::test]
async fn a_days_budget_of_claims_counts_all_accounts() {
    let relay = TestRelay::with(|config| config.limits.claims_per_account_per_day = 2).await;
    let (ada, ben, _) = pair(&relay).await;
    claim(&relay, &ada, claim_id(), ben.account_id).await.cbor::<ClaimedKeyPackages>();
    claim(&relay, &ada, claim_id(), ada.account_id).await.cbor::<ClaimedKeyPackages>();

    assert_eq!(claim(&relay, &ada, claim_id(), ben.account_id).await.code(), ErrorCode::RateLimited);
}

#[tokio::test]
async fn expired_key_packages_are_neither_counted_nor_claimed() {
    on_both_engines(async |relay| {
        let (mut ada, ben, mut device) = pair(&relay).await;
        relay.advance_seconds(31 * 86_400);
        ada.log_in(&relay).await;
        device.log_in(&relay).await;

        let claimed: ClaimedKeyPackages = claim(&relay, &ada, claim_id(), ben.account_id).await.cbor();

        assert_eq!(count(&relay, &device).await, 0);
        assert!(claimed.key_packages[0].last_resort);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_account_is_not_found_and_spends_no_claim() {
    let relay = TestRelay::start().await;
    let (ada, ben, _) = pair(&relay).await;
    let id = claim_id();

    let unknown = claim(&relay, &ada, id, AccountId::from_bytes(fresh())).await;

    assert_eq!(unknown.code(), ErrorCode::NotFound);
    claim(&relay, &ada, id, ben.account_id).await.cbor::<ClaimedKeyPackages>();
}

#[tokio::test]
async fn empty_too_many_and_malformed_key_packages_are_refused_and_none_is_kept() {
    let relay = TestRelay::start().await;
    let device = TestAccount::new("ada").register(&relay).await;
    let empty = publish(&relay, &device, &[key_package(), Bytes::new([]).unwrap()]).await;
    let many = publish(&relay, &device, &(0..98).map(|_| key_package()).collect::<Vec<_>>()).await;
    let malformed =
        Call::post("/v1/key-packages").header("content-type", "application/cbor").bytes(vec![0xff]);
    let malformed = device.send(&relay, malformed).await;

    assert_eq!([empty.code(), malformed.code()], [ErrorCode::Malformed; 2]);
    assert_eq!(many.code(), ErrorCode::LimitReached);
    assert_eq!(count(&relay, &device).await, 3);
}
