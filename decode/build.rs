//! Compiles `src/parts.c` against the headers of the libjpeg-turbo that `turbojpeg-sys` has built.

use std::env;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src/parts.c");
    let include = env::var("DEP_TURBOJPEG_INCLUDE")
        .map_err(|_| "turbojpeg-sys does not say where libjpeg's headers are")?;
    cc::Build::new()
        .file("src/parts.c")
        .includes(include.split(','))
        .std("c99")
        .extra_warnings(true)
        .try_compile("streamsocket_parts")?;
    Ok(())
}
