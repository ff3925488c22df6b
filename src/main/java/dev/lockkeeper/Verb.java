package dev.lockkeeper;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import tools.jackson.databind.JsonNode;

/** A command that takes an id and does one thing to what has it, such as {@code keys revoke ID}. */
final class Verb extends Asking {
    private final Subject subject;
    private final CommandSpec own = CommandSpec.forAnnotatedObject(this);
    private String method = "POST";
    private String behind;
    private Done done = (_, _) -> "";
    private String id = "";

    /** What is told when it is done, by the answer and the id. */
    @FunctionalInterface
    interface Done {
        String sentence(JsonNode answer, String id);
    }

    Verb(Subject subject, String name, String description) {
        this.subject = subject;
        this.behind = "/" + name;
        own.name(name).usageMessage().description(description);
        own.addPositional(PositionalParamSpec.builder()
                .index("0")
                .arity("1")
                .required(true)
                .paramLabel(subject.label())
                .description(subject.description())
                .type(String.class)
                .setter(new CommandLine.Model.ISetter() {
                    @Override
                    public <T> T set(T value) {
                        id = String.valueOf(value);
                        return value;
                    }
                })
                .build());
    }

    /** Asks by this instead of a POST to its name behind the id. */
    Verb by(String method, String behind) {
        this.method = method;
        this.behind = behind;
        return this;
    }

    /** With a last line of help that tells the exit codes. */
    Verb exits(String codes) {
        own.usageMessage().footer("", codes);
        return this;
    }

    /** Tells this when it is done: the command is complete. */
    CommandLine tells(Done done) {
        this.done = done;
        return new CommandLine(own);
    }

    @Override
    public Integer call() {
        JsonNode answer = ask(method, subject.at(id) + behind, null);
        return told(answer, done.sentence(answer, id));
    }
}
