//! Values as they are written on a command line or in a configuration file.

use serde::Deserialize;

/// A text or a list of them: nobody should have to write a list of one.
pub(super) fn one_or_more<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum Written {
        One(String),
        More(Vec<String>),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::One(text) => vec![text],
        Written::More(texts) => texts,
    }))
}

/// A number, kept as it was written: a configuration file may have it with or without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(pub String);

impl std::str::FromStr for Scalar {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number or a string")]
        enum Written {
            Integer(i64),
            Float(f64),
            Text(String),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Integer(number) => number.to_string(),
            Written::Float(number) => number.to_string(),
            Written::Text(text) => text,
        }))
    }
}
