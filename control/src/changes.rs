//! What a request to read the configuration again may change beside it.

use serde::{Deserialize, Serialize};

/// What is said here goes before the configuration, until the daemon ends; what is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Picture size, as of the option `--size`.
    #[serde(default, skip_serializing_if = "Change::is_kept")]
    pub size: Change,
    /// Frames a second, as of `--fps`.
    #[serde(default, skip_serializing_if = "Change::is_kept")]
    pub fps: Change,
    /// JPEG quality, as of `--quality` and `--requality`: of all pictures, whatever the camera makes them with.
    #[serde(default, skip_serializing_if = "Change::is_kept")]
    pub quality: Change,
}

/// What becomes of an option.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub enum Change {
    /// It stays as it is.
    #[default]
    Keep,
    /// The configuration has the word again (`null`).
    Configured,
    /// It is this.
    To(String),
}

impl Change {
    /// Whether the option stays as it is.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl From<Option<String>> for Change {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Configured, Self::To)
    }
}

impl From<Change> for Option<String> {
    fn from(change: Change) -> Self {
        match change {
            Change::To(value) => Some(value),
            Change::Keep | Change::Configured => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_null_is_the_configuration() {
        let text = r#"{"size":"640x480","fps":null}"#;
        let changes: Changes = serde_json::from_str(text).unwrap();
        let expected = Changes {
            size: Change::To("640x480".to_owned()),
            fps: Change::Configured,
            quality: Change::Keep,
        };
        assert_eq!(changes, expected);
        assert_eq!(serde_json::to_string(&changes).unwrap(), text);
        assert!(serde_json::from_str::<Changes>(r#"{"to":"x"}"#).is_err());
    }
}
