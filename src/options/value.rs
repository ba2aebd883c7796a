//! Values as they are written on a command line or in a configuration file.

/// A number, kept as it was written: a configuration file may have it with or without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(pub String);

impl std::str::FromStr for Scalar {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}
