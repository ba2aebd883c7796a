//! What streams are protected with.

use super::error::{Error, wrong};
use crate::options::StreamOptions;
use std::path::PathBuf;
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::protection::Protection;
use streamsocket_srtp::stored_keys;
use streamsocket_srtp::suite::Suite;

/// The keys of the file that was read last: passphrases that a configuration file names are stretched once, though it is
/// checked by itself and with the command line.
#[derive(Default)]
pub(super) struct KeysRead(Option<(PathBuf, Vec<MasterKey>)>);

/// Checks the options, and reads the keys.
pub(super) fn protection(
    options: &StreamOptions,
    read: &mut KeysRead,
) -> Result<Option<Protection>, Error> {
    let named = |name: &str| name.parse::<Suite>().map_err(|error| wrong("suite", name, error));
    let suite = options.suite.as_deref().map(named).transpose()?;
    let Some(path) = &options.key_file else {
        let without = suite.map(|suite| {
            let why = "there is no key to protect anything with; add --key-file FILE, which this makes: streamsocket key new";
            wrong("suite", suite.name(), why)
        });
        return without.map_or(Ok(None), Err);
    };
    let keys = match read.0.take().filter(|(of, _)| of == path) {
        Some((_, keys)) => keys,
        None => stored_keys::read(path).map_err(|why| Error(format!("--key-file {why}")))?,
    };
    read.0 = Some((path.clone(), keys.clone()));
    Ok(Some(Protection { keys, suite: suite.unwrap_or_else(Suite::of_this_machine) }))
}
