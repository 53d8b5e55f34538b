//! A real browser for tests of pages: Chromium, told what to do by WebDriver (W3C) through
//! chromedriver.
//!
//! A page is looked at by CSS selectors and by JavaScript; whatever is asked for is waited for, so
//! that no test sleeps.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page may take to become what a test waits for.
const WAIT_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// The Tab key, as WebDriver calls it.
pub const TAB: char = '\u{e004}';
/// The arrow key that goes down, as WebDriver calls it.
pub const DOWN: char = '\u{e015}';
/// The Enter key, as WebDriver calls it.
pub const ENTER: char = '\u{e007}';
/// More than a page has that can have the focus.
const MAX_TABS: usize = 100;
/// The line that chromedriver writes once it listens.
const READY: &str = "started successfully on port ";

/// A browser with one window and a profile of its own; it ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    client: reqwest::Client,
    /// The URL of the WebDriver session.
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    /// If Chromium or chromedriver is missing: `./test` installs both.
    pub async fn start() -> Self {
        Self::with_arguments(&[]).await
    }

    /// Starts a browser that takes this host name for this machine: other than for `localhost` and
    /// `127.0.0.1`, plain HTTP to it is not a secure context, as over a network.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn that_knows(host: &str) -> Self {
        Self::with_arguments(&[&format!("--host-resolver-rules=MAP {host} 127.0.0.1")]).await
    }

    async fn with_arguments(arguments: &[&str]) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is not installed: run ./test");
        let output = BufReader::new(driver.stdout.take().unwrap());
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once(READY)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("chromedriver ended before it listened");
        let profile = tempfile::tempdir().unwrap();
        let own = [
            "--headless=new",
            // Chromium's sandbox does not start as root, which tests in a container are.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            // With a pipe instead of a port it ends with chromedriver, however that ends.
            "--remote-debugging-pipe",
            "--window-size=1280,900",
            "--lang=en",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let arguments: Vec<&str> = own.into_iter().chain(arguments.iter().copied()).collect();
        let mut browser = Self {
            driver,
            client: reqwest::Client::new(),
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        } } });
        let session = browser.call(Method::POST, "", &wanted).await.unwrap();
        browser.session += "/";
        browser.session += session["sessionId"].as_str().unwrap();
        browser
    }

    /// Goes to an address and waits until the page is loaded.
    ///
    /// # Panics
    /// If nothing answers there.
    pub async fn open(&self, url: &str) {
        let to = json!({ "url": url });
        self.call(Method::POST, "/url", &to).await.unwrap();
    }

    /// What a JavaScript function body returns on the page; its `arguments` are these.
    ///
    /// # Panics
    /// If it throws.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        let call = json!({ "script": script, "args": arguments });
        let run = self.call(Method::POST, "/execute/sync", &call).await;
        run.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a JavaScript expression holds on whatever page is shown then.
    ///
    /// # Panics
    /// If it does not in time; the message has the page's address and text.
    pub async fn wait_for(&self, expression: &str) {
        let started = Instant::now();
        loop {
            // Between two pages there is none to ask.
            let call = json!({ "script": format!("return Boolean({expression})"), "args": [] });
            let holds = self.call(Method::POST, "/execute/sync", &call).await;
            if holds == Ok(Value::Bool(true)) {
                return;
            }
            if started.elapsed() > WAIT_LIMIT {
                let script = "return location.href + '\\n' + document.body.innerText";
                let page = self.run(script, json!([])).await;
                panic!("never: {expression} ({holds:?}), on {page}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the address of the page is this one, from the path on.
    ///
    /// # Panics
    /// If it does not become so in time.
    pub async fn wait_for_path(&self, path: &str) {
        let here = "location.pathname + location.search + location.hash";
        self.wait_for(&format!(
            "document.readyState === 'complete' && {here} === {path:?}"
        ))
        .await;
    }

    /// The text of an element, as a reader sees it.
    ///
    /// # Panics
    /// If no element is found in time.
    pub async fn text(&self, css: &str) -> String {
        self.wait_for(&format!("document.querySelector({css:?})"))
            .await;
        let script = "return document.querySelector(arguments[0]).innerText";
        let text = self.run(script, json!([css])).await;
        text.as_str().unwrap().to_owned()
    }

    /// Clicks an element as a mouse does.
    ///
    /// # Panics
    /// If no element is found in time, or another one covers it.
    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        let path = format!("/element/{element}/click");
        self.call(Method::POST, &path, &json!({})).await.unwrap();
    }

    /// Types into a field.
    ///
    /// # Panics
    /// If no such field is found in time.
    pub async fn type_into(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        let path = format!("/element/{element}/value");
        let keys = json!({ "text": text });
        self.call(Method::POST, &path, &keys).await.unwrap();
    }

    /// Presses a key where the focus is, as a keyboard does.
    ///
    /// # Panics
    /// If the browser does not do it.
    pub async fn press(&self, key: char) {
        let strokes = ["keyDown", "keyUp"].map(|stroke| json!({ "type": stroke, "value": key }));
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        let press = json!({ "actions": [keyboard] });
        self.call(Method::POST, "/actions", &press).await.unwrap();
    }

    /// Goes from element to element by Tab until one of these has the focus, which is to be seen.
    ///
    /// # Panics
    /// If none is come to, or one on the way does not show that it has the focus.
    pub async fn tab_to(&self, css: &str) {
        let look = "const at = document.activeElement; \
                    return [at.matches(arguments[0]), \
                        at === document.body || getComputedStyle(at).outlineStyle !== 'none', \
                        at.outerHTML.slice(0, 200)]";
        let mut way = Vec::new();
        for _ in 0..MAX_TABS {
            self.press(TAB).await;
            let at = self.run(look, json!([css])).await;
            assert_eq!(at[1], true, "its focus is not seen: {}", at[2]);
            if at[0] == true {
                return;
            }
            way.push(at[2].to_string());
        }
        panic!("Tab does not come to {css}, but to {way:#?}");
    }

    /// Types where the focus is; into a field for a file, its path.
    ///
    /// # Panics
    /// If nothing there takes it.
    pub async fn type_there(&self, text: &str) {
        let there = self.call(Method::GET, "/element/active", &Value::Null);
        let there = reference(&there.await.unwrap());
        let keys = json!({ "text": text });
        let path = format!("/element/{there}/value");
        self.call(Method::POST, &path, &keys).await.unwrap();
    }

    /// Shows pages on a screen of so many pixels, to somebody who prefers `light` or `dark`.
    ///
    /// # Panics
    /// If the browser does not do it.
    pub async fn show_on(&self, width: u32, scheme: &str) {
        // A phone's scroll bar takes no room.
        let is_phone = width < 600;
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": is_phone });
        self.tell("Emulation.setDeviceMetricsOverride", &screen)
            .await;
        let prefers = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", &prefers).await;
    }

    /// What axe-core finds wrong with the page for people who do not see, hear or move well: each rule with
    /// the elements that break it.
    ///
    /// # Panics
    /// If axe-core is missing: `./test` installs it.
    pub async fn findings(&self) -> Vec<String> {
        if self.run("return typeof axe", json!([])).await == "undefined" {
            self.run(&axe_core(), json!([])).await;
        }
        let script = "const done = arguments[0]; \
                      const told = (found) => `${found.id}: ${found.help}: ` + \
                          found.nodes.map((node) => node.html.slice(0, 200)).join(' | '); \
                      axe.run(document, { resultTypes: ['violations'] }) \
                          .then((all) => done(all.violations.map(told)), (error) => done([String(error)]))";
        let call = json!({ "script": script, "args": [] });
        let found = self.call(Method::POST, "/execute/async", &call).await;
        let found = found.unwrap_or_else(|error| panic!("axe-core: {error}"));
        let found = found.as_array().unwrap().iter();
        found
            .map(|found| found.as_str().unwrap().to_owned())
            .collect()
    }

    /// A picture of the whole page (PNG).
    ///
    /// # Panics
    /// If the browser does not make it.
    pub async fn picture(&self) -> Vec<u8> {
        let whole = json!({ "captureBeyondViewport": true });
        let taken = self.tell("Page.captureScreenshot", &whole).await;
        from_base64(taken["data"].as_str().unwrap())
    }

    /// One command of Chromium's own.
    async fn tell(&self, command: &str, with: &Value) -> Value {
        let told = json!({ "cmd": command, "params": with });
        let told = self.call(Method::POST, "/goog/cdp/execute", &told).await;
        told.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The page's cookies, with those that scripts do not see.
    ///
    /// # Panics
    /// If there is no page.
    pub async fn cookies(&self) -> Vec<Value> {
        let cookies = self.call(Method::GET, "/cookie", &Value::Null).await;
        cookies.unwrap().as_array().unwrap().clone()
    }

    /// What WebDriver calls an element.
    async fn element(&self, css: &str) -> String {
        self.wait_for(&format!("document.querySelector({css:?})"))
            .await;
        let by = json!({ "using": "css selector", "value": css });
        let found = self.call(Method::POST, "/element", &by).await.unwrap();
        reference(&found)
    }

    /// One command of WebDriver; its error in words.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.session);
        let mut request = self.client.request(method, url);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let is_well = answer.status().is_success();
        let mut answer: Value = answer.json().await.unwrap();
        let value = answer["value"].take();
        if is_well {
            Ok(value)
        } else {
            Err(value["message"].to_string())
        }
    }
}

/// The source of axe-core, from where the test command puts it.
fn axe_core() -> String {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv");
    let versions = fs::read_dir(venv.join("lib")).into_iter().flatten();
    let packages = versions.flatten().map(|of| of.path().join("site-packages"));
    let mut files = packages
        .chain([venv.clone()])
        .map(|packages| packages.join("axe_playwright_python/axe.min.js"));
    let source = files.find_map(|file| fs::read_to_string(file).ok());
    source.expect("axe-core is not installed: run ./test")
}

/// What WebDriver calls the element that it answers with.
fn reference(element: &Value) -> String {
    let reference = element.as_object().unwrap().values().next().unwrap();
    reference.as_str().unwrap().to_owned()
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = four
            .iter()
            .fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with it.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
