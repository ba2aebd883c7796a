//! The program.

fn main() -> std::process::ExitCode {
    streamsocket_relay::command::run()
}
