//! The program.

fn main() -> std::process::ExitCode {
    streamsocket_origin::command::run()
}
