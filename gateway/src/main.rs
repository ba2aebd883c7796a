//! The program.

fn main() -> std::process::ExitCode {
    streamsocket_gateway::command::run()
}
