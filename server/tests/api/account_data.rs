//! "What this relay knows about me": nothing that the schema holds is left out.

use std::collections::{BTreeMap, BTreeSet};

use protocol::account_data::{AccountData, DataValue};
use protocol::groups::Posted;
use sotto::storage::account_data::{NOT_ABOUT_ACCOUNTS, TABLES};
use sotto::storage::{Engine, query};

use crate::device::{TestAccount, TestDevice};
use crate::relay::{Call, TestRelay, on_both_engines};

async fn data_of(relay: &TestRelay, device: &TestDevice) -> AccountData {
    device.send(relay, Call::get("/v1/accounts/me/data")).await.json()
}

/// Tables of the schema with their columns, as the database itself says.
async fn schema(relay: &TestRelay) -> BTreeMap<String, BTreeSet<String>> {
    let sql = match relay.app.db.engine() {
        Engine::Sqlite => {
            "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c \
             where m.type = 'table' and m.name not like 'sqlite_%'"
        }
        Engine::Postgres => {
            "select table_name::text, column_name::text from information_schema.columns \
             where table_schema = 'public'"
        }
    };
    let rows = relay.app.db.read(async |conn| query(sql).fetch_all(conn).await).await.unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        tables.entry(row.get(0).unwrap()).or_default().insert(row.get(1).unwrap());
    }
    tables
}

#[tokio::test]
async fn every_table_and_column_of_the_schema_is_shown_or_is_about_nobody() {
    on_both_engines(async |relay| {
        let schema = schema(&relay).await;

        for (name, columns) in &schema {
            if let Some((_, why)) = NOT_ABOUT_ACCOUNTS.iter().find(|table| table.0 == name) {
                let personal = |column: &&String| {
                    ["account_id", "device_id", "session_id", "handle", "address"]
                        .iter()
                        .any(|word| column.contains(word))
                };
                assert_eq!(columns.iter().find(personal), None, "{name} is said to hold {why}");
                continue;
            }
            let shown = TABLES.iter().find(|table| table.name == name);
            let shown = shown
                .unwrap_or_else(|| panic!("add {name} to storage/account_data.rs: its owner may see it"));
            let listed: BTreeSet<String> = shown.columns.iter().map(|column| column.0.to_owned()).collect();
            assert_eq!(&listed, columns, "columns of {name} in storage/account_data.rs");
        }
        assert_eq!(
            TABLES.len() + NOT_ABOUT_ACCOUNTS.len(),
            schema.len(),
            "no table is listed that isn't there"
        );
    })
    .await;
}

#[tokio::test]
async fn the_owner_sees_every_row_about_the_account_and_nobody_elses() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let ben = TestAccount::new("ben").register(&relay).await;
        let creation = device.creation(&[&ben]);
        device.send(&relay, Call::post("/v1/groups").cbor(&creation)).await.cbor::<Posted>();
        let eve = TestAccount::new("eve").register(&relay).await;

        let data = data_of(&relay, &device).await;
        let others = data_of(&relay, &eve).await;

        let rows = |data: &AccountData, name: &str| {
            data.tables.iter().find(|table| table.table == name).map(|table| table.row_count).unwrap()
        };
        let counts = ["accounts", "wraps", "devices", "sessions", "refresh_tokens", "records", "groups"];
        assert_eq!(counts.map(|name| rows(&data, name)), [1, 3, 1, 1, 1, 1, 1]);
        assert_eq!(rows(&data, "group_accounts"), 2, "who shares a group is known, too");
        assert_eq!(rows(&data, "entries"), 1);
        assert_eq!(rows(&others, "groups"), 0);
        let all = serde_json::to_string(&others).unwrap();
        for id in [device.device_id.to_string(), device.account_id.to_string(), ben.device_id.to_string()] {
            assert!(!all.contains(&id));
        }
    })
    .await;
}

#[tokio::test]
async fn rows_have_a_value_for_each_column_and_handles_are_told_in_clear() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;

        let data = data_of(&relay, &device).await;

        for table in data.tables.iter() {
            assert!(table.values.iter().all(|row| row.len() == table.columns.len()), "{}", table.table);
        }
        let account = &data.tables.iter().find(|table| table.table == "accounts").unwrap().values[0];
        assert!(account.contains(&DataValue::Text("ada".into())));
        assert!(account.contains(&DataValue::Text(device.account_id.to_string())));
        assert!(account.contains(&DataValue::Number(192)), "of the log-in record its length is told");
    })
    .await;
}
