//! Everything that the relay's tables hold about one account, for its owner to read and to keep.

use serde::{Deserialize, Serialize};

use crate::{
    limits::{DATA_COLUMNS_MAX, DATA_ROWS_MAX, DATA_TABLES_MAX},
    values::List,
};

/// `GET /v1/accounts/me/data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountData {
    /// One for each table of the relay that knows accounts or devices, empty ones included.
    pub tables: List<DataTable, DATA_TABLES_MAX>,
}

/// One table's rows about the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataTable {
    /// Its name in the relay's schema.
    pub table: String,
    /// How many rows there are; more than `values` holds when there are many.
    pub row_count: u64,
    /// What the columns are.
    pub columns: List<DataColumn, DATA_COLUMNS_MAX>,
    /// Rows, with a value for each column.
    pub values: List<List<DataValue, DATA_COLUMNS_MAX>, DATA_ROWS_MAX>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataColumn {
    /// Its name in the relay's schema, or what was made of it.
    pub name: String,
    /// How its values are to be read.
    pub kind: DataKind,
}

/// How a value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Bytes, base64url.
    Id,
    /// A number.
    Number,
    /// Milliseconds since 1970.
    Time,
    /// How many bytes lie there; the bytes themselves are sealed, hashed or public.
    Bytes,
    /// A text.
    Text,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum DataValue {
    /// Of [`DataKind::Number`], [`DataKind::Time`] and [`DataKind::Bytes`].
    Number(u64),
    /// Of [`DataKind::Id`] and [`DataKind::Text`].
    Text(String),
    /// Nothing stands there.
    Absent(()),
}

#[cfg(test)]
mod tests {
    use super::{AccountData, DataColumn, DataKind, DataTable, DataValue};
    use crate::values::List;

    #[test]
    fn data_in_json() {
        let column = |name: &str, kind| DataColumn { name: name.into(), kind };
        let data = AccountData {
            tables: List::new(vec![DataTable {
                table: "sessions".into(),
                row_count: 7,
                columns: List::new(vec![
                    column("session_id", DataKind::Id),
                    column("created_at", DataKind::Time),
                    column("revoked_at", DataKind::Time),
                ])
                .unwrap(),
                values: List::new(vec![
                    List::new(vec![
                        DataValue::Text("AA".into()),
                        DataValue::Number(5),
                        DataValue::Absent(()),
                    ])
                    .unwrap(),
                ])
                .unwrap(),
            }])
            .unwrap(),
        };

        let json = serde_json::to_string(&data).unwrap();

        assert_eq!(
            json,
            concat!(
                r#"{"tables":[{"table":"sessions","row_count":7,"columns":[{"name":"session_id","kind":"id"},"#,
                r#"{"name":"created_at","kind":"time"},{"name":"revoked_at","kind":"time"}],"#,
                r#""values":[["AA",5,null]]}]}"#
            )
        );
        assert_eq!(serde_json::from_str::<AccountData>(&json).unwrap(), data);
    }
}
