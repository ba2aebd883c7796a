//! Chromium, driven by playwright: `browser.mjs`.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use streamsocket_tests::program::peer;

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    /// Its end is that of the browser.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Browser {
    /// One that answers with this password when it is asked for one.
    pub(crate) fn start(password: Option<&str>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway");
        let mut node = peer("node");
        node.arg(folder.join("browser.mjs"));
        password.into_iter().for_each(|password| {
            node.args(["--password", password]);
        });
        let spawned = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("node: scripts/setup page installs it");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to: Some(to), from: BufReader::new(from) }
    }

    /// Has it do something, and returns what comes of that.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str, argument: impl Into<Value>) -> Value {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{}", json!([command, argument.into()])).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{command}: no answer: make gateway-test sets it up"));
        assert!(answer.get("error").is_none(), "{command}: {}", answer["error"]);
        answer["value"].clone()
    }

    /// What an expression of the page's is.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.tell("evaluate", expression)
    }

    /// What was said in the console that nobody may see there.
    pub(crate) fn errors(&mut self) -> Vec<String> {
        serde_json::from_value(self.tell("errors", Value::Null)).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}
