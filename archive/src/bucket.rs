//! Finished segments in a bucket (S3): an object each, whose name has all that the index says, so that a segment and its
//! line appear at once, and listing an hour is reading its index.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use core::time::Duration;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::hour::Hour;
use crate::names;
use crate::retention::Retention;

/// Hours whose lists are held: one has 150 kB, and a time line that is moved about asks for the same few again.
const HELD_MAX: usize = 48;

/// How long one request may take: segments have a megabyte or so.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Where a bucket is. Credentials are taken from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and what else of that kind
/// is in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketAddress {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The server, if it is not Amazon's: `https://s3.example.org`.
    pub endpoint: Option<String>,
    /// The region, if the environment does not say it.
    pub region: Option<String>,
    /// Whether the server may be spoken to without encryption.
    pub allow_http: bool,
}

/// A track of a session: the folder of the session, and the track.
pub(crate) type TrackName = (String, String);

/// A bucket, and what is known of it.
#[derive(Debug)]
pub(crate) struct Bucket {
    store: AmazonS3,
    url: String,
    prefix: String,
    pub(crate) retention: Retention,
    /// Waits for requests; taken when it is dropped, so that this may be done anywhere.
    runtime: Option<Runtime>,
    known: Mutex<Known>,
}

/// What was heard from the bucket. Of each hour of a session there are some 100 bytes: a megabyte a year.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether all that was there at the start was counted.
    pub(crate) is_counted: bool,
    /// Bytes by hour and session, by its folder.
    pub(crate) hours: BTreeMap<(Hour, String), u64>,
    lists: BTreeMap<(TrackName, Hour), Arc<[Entry]>>,
}

impl Bucket {
    /// A bucket, which is not spoken to yet.
    pub(crate) fn open(address: &BucketAddress, retention: Retention) -> Result<Self, Error> {
        let wrong = |why: String| Error::Configuration(format!("{}: {why}", address.url));
        let path = address.url.strip_prefix("s3://").ok_or_else(|| {
            wrong("a bucket is written s3://BUCKET or s3://BUCKET/PREFIX".to_owned())
        })?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        // Somebody else's choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let retries =
            RetryConfig { max_retries: 2, retry_timeout: REQUEST_MAX, ..RetryConfig::default() };
        let client = ClientOptions::new()
            .with_timeout(REQUEST_MAX)
            .with_connect_timeout(CONNECT_MAX)
            .with_allow_http(address.allow_http);
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retries)
            .with_client_options(client);
        if let Some(endpoint) = &address.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &address.region {
            builder = builder.with_region(region);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            store: builder.build().map_err(|error| wrong(error.to_string()))?,
            url: format!("s3://{bucket}"),
            prefix: prefix.trim_matches('/').to_owned(),
            retention,
            runtime: Some(runtime.map_err(|error| wrong(error.to_string()))?),
            known: Mutex::default(),
        })
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is there. Returns its bytes.
    pub(crate) fn count(&self) -> Result<u64, Error> {
        let mut hours = BTreeMap::new();
        let prefix = self.path("")?;
        let listing = self.store.list((!self.prefix.is_empty()).then_some(&prefix));
        let each = listing.try_for_each(|object| {
            let key = object.location.as_ref().strip_prefix(self.prefix.as_str());
            if let Some((session, hour, entry)) = key.and_then(parse) {
                *hours.entry((hour, session)).or_insert(0) += entry.bytes;
            }
            core::future::ready(Ok(()))
        });
        self.wait("list", "", each)?;
        let mut known = self.known();
        known.hours = hours;
        known.is_counted = true;
        Ok(known.hours.values().sum())
    }

    /// Puts a segment there. `file` is its initialisation segment and its parts.
    pub(crate) fn put(
        &self,
        name: &TrackName,
        hour: Hour,
        entry: &Entry,
        file: Bytes,
    ) -> Result<(), Error> {
        self.put_object(&key(name, hour, entry), file)?;
        let mut known = self.known();
        *known.hours.entry((hour, name.0.clone())).or_default() += entry.bytes;
        known.lists.remove(&(name.clone(), hour));
        Ok(())
    }

    /// Puts anything there.
    pub(crate) fn put_object(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        let path = self.path(key)?;
        self.wait("write", key, self.store.put(&path, bytes.into())).map(drop)
    }

    /// Reads an object behind its first bytes; `None` if it is not there.
    pub(crate) fn get(&self, key: &str, skipped: u64) -> Result<Option<Bytes>, Error> {
        let path = self.path(key)?;
        let options = GetOptions {
            range: Some(object_store::GetRange::Offset(skipped)),
            ..GetOptions::default()
        };
        let options = if skipped > 0 { options } else { GetOptions::default() };
        let got = async { self.store.get_opts(&path, options).await?.bytes().await };
        match self.runtime()?.block_on(got) {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            got => got.map(Some).map_err(|error| self.error("read", key, error)),
        }
    }

    /// The segments of an hour of a track, by number.
    pub(crate) fn entries(&self, name: &TrackName, hour: Hour) -> Result<Arc<[Entry]>, Error> {
        let held = (name.clone(), hour);
        if let Some(list) = self.known().lists.get(&held) {
            return Ok(Arc::clone(list));
        }
        let folder = folder(name, hour);
        let path = self.path(&folder)?;
        let listing = self.store.list(Some(&path)).map_ok(|it| parse_name(it.location.filename()?));
        let found: Vec<_> = self.wait("list", &folder, listing.try_collect())?;
        let mut entries: Vec<Entry> = found.into_iter().flatten().collect();
        entries.sort_unstable_by_key(|it| (it.number, it.begin));
        entries.dedup_by_key(|it| it.number);
        let entries: Arc<[_]> = entries.into();
        let mut known = self.known();
        // The last hour may grow by another program's segments.
        if known.hours.last_key_value().is_some_and(|((last, _), _)| hour < *last) {
            while known.lists.len() >= HELD_MAX {
                known.lists.pop_first();
            }
            known.lists.insert(held, Arc::clone(&entries));
        }
        Ok(entries)
    }

    /// Which hours of a session there are.
    pub(crate) fn hours(&self, session: &str, within: &RangeInclusive<Hour>) -> Vec<Hour> {
        let known = self.known();
        let keys = known.hours.keys().filter(|(hour, of)| of == session && within.contains(hour));
        keys.map(|(hour, _)| *hour).collect()
    }

    /// The folders of all sessions that have segments.
    pub(crate) fn sessions(&self) -> Vec<String> {
        let mut found: Vec<_> = self.known().hours.keys().map(|(_, it)| it.clone()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Removes all segments of an hour of a session that are not to be kept. Returns how many, and their bytes.
    pub(crate) fn thin(
        &self,
        session: &str,
        hour: Hour,
        is_kept: impl Fn(&Entry) -> bool,
    ) -> Result<(u64, u64), Error> {
        let (mut count, mut bytes, mut left) = (0, 0, 0);
        for track in self.tracks(session)? {
            let name = (session.to_owned(), track);
            for entry in self.entries(&name, hour)?.iter() {
                if is_kept(entry) {
                    left += entry.bytes;
                    continue;
                }
                let key = key(&name, hour, entry);
                let path = self.path(&key)?;
                self.wait("remove", &key, self.store.delete(&path))?;
                count += 1;
                bytes += entry.bytes;
            }
            self.known().lists.remove(&(name, hour));
        }
        let mut known = self.known();
        if left == 0 {
            known.hours.remove(&(hour, session.to_owned()));
        } else {
            known.hours.insert((hour, session.to_owned()), left);
        }
        Ok((count, bytes))
    }

    /// The tracks of a session.
    pub(crate) fn tracks(&self, session: &str) -> Result<Vec<String>, Error> {
        let path = self.path(session)?;
        let listed = self.wait("list", session, self.store.list_with_delimiter(Some(&path)))?;
        let names = listed.common_prefixes.iter().filter_map(|it| it.filename());
        Ok(names.filter(|it| names::is_track(it)).map(str::to_owned).collect())
    }

    fn path(&self, key: &str) -> Result<Path, Error> {
        let whole = format!("{}/{key}", self.prefix);
        Path::parse(whole.trim_matches('/'))
            .map_err(|error| Error::Configuration(error.to_string()))
    }

    /// It is there until this is dropped.
    fn runtime(&self) -> Result<&Runtime, Error> {
        self.runtime.as_ref().ok_or_else(|| Error::Configuration("the bucket is closed".to_owned()))
    }

    fn wait<T>(
        &self,
        action: &'static str,
        key: &str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        self.runtime()?.block_on(request).map_err(|error| self.error(action, key, error))
    }

    fn error(&self, action: &'static str, key: &str, error: object_store::Error) -> Error {
        let path = PathBuf::from(format!("{}/{}/{key}", self.url, self.prefix));
        Error::Io { action, path, source: io::Error::other(error) }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn folder((session, track): &TrackName, hour: Hour) -> String {
    format!("{session}/{track}/{hour}")
}

/// The name of a segment's object: a line of the index, with `_` for spaces.
pub(crate) fn key(name: &TrackName, hour: Hour, entry: &Entry) -> String {
    format!("{}/{}.mp4", folder(name, hour), entry.to_string().replace(' ', "_"))
}

/// The name of an initialisation segment's object.
pub(crate) fn init_key((session, track): &TrackName, id: InitId) -> String {
    format!("{session}/{track}/init-{id}.mp4")
}

fn parse_name(name: &str) -> Option<Entry> {
    Entry::parse(&name.strip_suffix(".mp4")?.replace('_', " "))
}

/// Folder of the session, hour and entry of an object.
fn parse(key: &str) -> Option<(String, Hour, Entry)> {
    let mut parts = key.trim_start_matches('/').split('/');
    let (folder, _track) = (parts.next()?, parts.next()?);
    let hour = Hour::parse(parts.next()?, parts.next()?)?;
    let entry = parse_name(parts.next()?)?;
    names::session(folder).map(|_| (folder.to_owned(), hour, entry))
}
