package dev.lockkeeper.admin;

import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Organization;
import dev.lockkeeper.access.Project;
import dev.lockkeeper.access.Regions;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.access.TenantState;
import dev.lockkeeper.access.Tenants;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with organizations and projects. */
public final class TenantOperations {
    private static final String ORGANIZATIONS = "/admin/v1/organizations";
    private static final String PROJECTS = "/admin/v1/projects";

    private static final Shape NAME = new Shape.Text(Keys.MAX_NAME);
    private static final Shape MARKUP = new Shape.Whole(Tenants.MIN_MARKUP, Tenants.MAX_MARKUP);
    private static final Shape PROVIDERS = new Shape.ListOf(NAME, Tenants.MAX_TEST_PROVIDERS);
    private static final Shape REGIONS =
            new Shape.ListOf(new Shape.Form(Regions.FORM, "a label of a-z, 0-9 and -, such as eu"), Regions.MOST);
    private static final Shape MAYBE_REGIONS = new Shape.OrNull(REGIONS);
    private static final Shape NOTES = Shape.listOf(Shape.text());
    private static final Shape STATE = Shape.word("open", "closed", "revoked");
    private static final Shape COUNT = new Shape.Whole(0, Long.MAX_VALUE);
    private static final String ABOUT_MARKUP =
            "What statements add to the cost, in hundredths of a percent; below 0 a discount. Default: 0.";
    private static final String ABOUT_PROVIDERS =
            "Providers that its test keys may reach. Default: none is named, which means simulated ones.";

    private static final String ABOUT_PAYERS_REGIONS =
            "Where its calls may be answered: regions of providers. Default: none is named, which means anywhere.";
    private static final String ABOUT_REGIONS =
            "Where its calls may be answered: regions of providers, all of them its organization's where that has any."
                    + " Default: none is named, which means where its organization's calls may be.";
    private static final String ABOUT_NOTES = "What the operator should know of it.";

    private static final Shape.Struct ORGANIZATION = Shape.struct("Organization")
            .with("object", Shape.word("organization"), "What this is.")
            .with("id", Shape.text(), "Its id, org_…")
            .with("name", NAME, "What it is called; unique.")
            .with("markup_basis_points", MARKUP, ABOUT_MARKUP)
            .with("regions", REGIONS, "Where its calls may be answered; empty: anywhere.")
            .with("state", STATE, "Whether its keys work; revoked is for good.")
            .with("projects", COUNT, "How many projects it has.")
            .with("keys", COUNT, "How many keys they have that are not revoked.")
            .with("created_at", new Shape.Time(), "When it was made.");

    private static final Shape.Struct NOTED_ORGANIZATION =
            new Shape.Struct("ChangedOrganization", ORGANIZATION.members()).with("notes", NOTES, ABOUT_NOTES);

    private static final Shape.Struct NEW_ORGANIZATION = Shape.struct("NewOrganization")
            .with("name", NAME, "what it is called, unique")
            .optional("markup_basis_points", MARKUP, ABOUT_MARKUP)
            .optional("regions", MAYBE_REGIONS, ABOUT_PAYERS_REGIONS);

    private static final Shape.Struct ORGANIZATION_CHANGE = Shape.struct("OrganizationChange")
            .optional("name", NAME, "What it is called; unique.")
            .optional("markup_basis_points", MARKUP, ABOUT_MARKUP)
            .optional("regions", MAYBE_REGIONS, ABOUT_PAYERS_REGIONS);

    private static final Shape.Struct PROJECT = Shape.struct("Project")
            .with("object", Shape.word("project"), "What this is.")
            .with("id", Shape.text(), "Its id, proj_…")
            .with("name", NAME, "What it is called; unique in its organization.")
            .with("organization_id", Shape.text(), "Who pays.")
            .with("test_providers", PROVIDERS, ABOUT_PROVIDERS)
            .with("regions", REGIONS, "Where its calls may be answered; empty: where its organization's may be.")
            .with("state", STATE, "Whether its keys work; revoked is for good.")
            .with("keys", COUNT, "How many keys it has that are not revoked.")
            .with("created_at", new Shape.Time(), "When it was made.");

    private static final Shape.Struct NOTED_PROJECT =
            new Shape.Struct("ChangedProject", PROJECT.members()).with("notes", NOTES, ABOUT_NOTES);

    private static final Shape.Struct NEW_PROJECT = Shape.struct("NewProject")
            .with("name", NAME, "what it is called, unique in its organization")
            .optional("organization", NAME, "The id or name of who pays. Default: default.")
            .optional("test_providers", PROVIDERS, ABOUT_PROVIDERS)
            .optional("regions", MAYBE_REGIONS, ABOUT_REGIONS);

    private static final Shape.Struct PROJECT_CHANGE = Shape.struct("ProjectChange")
            .optional("name", NAME, "What it is called; unique in its organization.")
            .optional("test_providers", PROVIDERS, ABOUT_PROVIDERS)
            .optional("regions", MAYBE_REGIONS, ABOUT_REGIONS);

    private static final Shape.Struct DELETED = Shape.struct("Deleted")
            .with("object", Shape.word("deleted"), "What this is.")
            .with("id", Shape.text(), "What is gone.");

    private final Tenants tenants;
    private final Tenancy tenancy;
    private final Offered offered;

    private TenantOperations(Tenants tenants, Tenancy tenancy, Offered offered) {
        this.tenants = tenants;
        this.tenancy = tenancy;
        this.offered = offered;
    }

    /**
     * The operations on tenants.
     *
     * @param tenancy knows of money on tenants
     * @param offered knows of regions
     */
    public static List<Operation> of(Tenants tenants, Tenancy tenancy, Offered offered) {
        TenantOperations desk = new TenantOperations(tenants, tenancy, offered);
        return List.of(
                read(Pages.in(Operation.get(
                        ORGANIZATIONS,
                        "listOrganizations",
                        "Lists organizations, the oldest first.",
                        Pages.of(ORGANIZATION),
                        asked -> Pages.reply(
                                tenants.organizations(Pages.asked(asked)), Organization::id, Organization::json)))),
                write(Operation.post(
                                ORGANIZATIONS,
                                "createOrganization",
                                "Makes an organization.",
                                NEW_ORGANIZATION,
                                NOTED_ORGANIZATION,
                                desk::createOrganization))
                        .creates(),
                read(Operation.get(
                        ORGANIZATIONS + "/{id}",
                        "getOrganization",
                        "Tells of one organization, by id or name.",
                        ORGANIZATION,
                        asked -> organization(tenants.organization(asked.id()), asked))),
                write(Operation.patch(
                        ORGANIZATIONS + "/{id}",
                        "changeOrganization",
                        "Renames an organization, or changes its markup or where its calls may be answered.",
                        ORGANIZATION_CHANGE,
                        NOTED_ORGANIZATION,
                        desk::changeOrganization)),
                write(Operation.post(
                        ORGANIZATIONS + "/{id}/close",
                        "closeOrganization",
                        "Refuses the keys of an organization, at once and until it is opened again.",
                        null,
                        ORGANIZATION,
                        asked -> desk.organizationBecomes(asked, TenantState.CLOSED))),
                write(Operation.post(
                        ORGANIZATIONS + "/{id}/open",
                        "openOrganization",
                        "Takes the keys of a closed organization again.",
                        null,
                        ORGANIZATION,
                        asked -> desk.organizationBecomes(asked, TenantState.OPEN))),
                write(Operation.post(
                        ORGANIZATIONS + "/{id}/revoke",
                        "revokeOrganization",
                        "Refuses the keys of an organization, at once and for good.",
                        null,
                        ORGANIZATION,
                        asked -> desk.organizationBecomes(asked, TenantState.REVOKED))),
                write(Operation.delete(
                                ORGANIZATIONS + "/{id}",
                                "deleteOrganization",
                                "Deletes an organization that has no projects and no money on it.",
                                DELETED,
                                desk::deleteOrganization))
                        .refuses(409),
                read(Pages.in(Operation.get(
                                PROJECTS,
                                "listProjects",
                                "Lists projects, the oldest first.",
                                Pages.of(PROJECT),
                                asked -> Pages.reply(
                                        tenants.projects(asked.asked("organization"), Pages.asked(asked)),
                                        Project::id,
                                        Project::json))))
                        .takes("organization", NAME, "Only projects of the organization with this id or name."),
                write(Operation.post(
                                PROJECTS,
                                "createProject",
                                "Makes a project.",
                                NEW_PROJECT,
                                NOTED_PROJECT,
                                desk::createProject))
                        .creates(),
                read(Operation.get(
                        PROJECTS + "/{id}",
                        "getProject",
                        "Tells of one project, by its id, or by its name where only one has it.",
                        PROJECT,
                        asked -> project(tenants.project(asked.id()), asked))),
                write(Operation.patch(
                        PROJECTS + "/{id}",
                        "changeProject",
                        "Renames a project, or changes which providers its test keys reach or where its calls may be"
                                + " answered.",
                        PROJECT_CHANGE,
                        NOTED_PROJECT,
                        desk::changeProject)),
                write(Operation.post(
                        PROJECTS + "/{id}/close",
                        "closeProject",
                        "Refuses the keys of a project, at once and until it is opened again.",
                        null,
                        PROJECT,
                        asked -> desk.projectBecomes(asked, TenantState.CLOSED))),
                write(Operation.post(
                        PROJECTS + "/{id}/open",
                        "openProject",
                        "Takes the keys of a closed project again.",
                        null,
                        PROJECT,
                        asked -> desk.projectBecomes(asked, TenantState.OPEN))),
                write(Operation.post(
                        PROJECTS + "/{id}/revoke",
                        "revokeProject",
                        "Refuses the keys of a project, at once and for good.",
                        null,
                        PROJECT,
                        asked -> desk.projectBecomes(asked, TenantState.REVOKED))),
                write(Operation.delete(
                                PROJECTS + "/{id}",
                                "deleteProject",
                                "Deletes a project that has no keys that work and no money on it.",
                                DELETED,
                                desk::deleteProject))
                        .refuses(409));
    }

    private static Operation read(Operation operation) {
        return operation.needs(Right.TENANTS_READ);
    }

    private static Operation write(Operation operation) {
        return operation.needs(Right.TENANTS_WRITE);
    }

    private Reply createOrganization(Inquiry asked) {
        Organization made = tenants.createOrganization(
                asked.who(), asked.text("name"), (int) asked.whole("markup_basis_points", 0), asked.texts("regions"));
        return noted(201, made.json(), made.regions(), List.of());
    }

    private Reply changeOrganization(Inquiry asked) {
        Organization changed = tenants.changeOrganization(
                asked.who(),
                asked.id(),
                asked.textOrNull("name"),
                asked.has("markup_basis_points") ? (int) asked.whole("markup_basis_points", 0) : null,
                asked.has("regions") ? asked.texts("regions") : null);
        return changed == null ? organization(null, asked) : noted(200, changed.json(), changed.regions(), List.of());
    }

    /** With what is worth knowing of what was named: the configuration may follow, so none of it is a mistake. */
    private Reply noted(int status, ObjectNode json, List<String> regions, List<String> testProviders) {
        Stream<String> nowhere = regions.stream()
                .filter(each -> !offered.region(each))
                .map(each -> "no provider is configured for the region " + each
                        + "; calls that may be answered nowhere else are refused");
        Stream<String> unknown = testProviders.stream()
                .filter(each -> !offered.provider(each))
                .map(each ->
                        "there is no provider " + each + " in the configuration now; test keys reach it once there is");
        Json.put(json, "notes", Stream.concat(nowhere, unknown).toList());
        return Reply.json(status, json);
    }

    private Reply organizationBecomes(Inquiry asked, TenantState state) {
        return organization(tenants.organizationBecomes(asked.who(), asked.id(), state), asked);
    }

    private Reply deleteOrganization(Inquiry asked) {
        Organization organization = tenants.organization(asked.id());
        if (organization == null) {
            return organization(null, asked);
        }
        String money = tenancy.moneyOn(organization.id());
        if (money != null) {
            return inUse("Organization " + organization.name() + " has money on it: " + money, "org", asked.id());
        }
        return switch (tenants.deleteOrganization(asked.who(), organization.id())) {
            case DONE -> deleted(organization.id());
            case UNKNOWN -> organization(null, asked);
            case IN_USE ->
                inUse(
                        "Organization " + organization.name()
                                + (organization.id().equals(Tenants.DEFAULT_ORGANIZATION)
                                        ? " is the one that every database starts with"
                                        : " has " + counted(organization.projects(), "project")
                                                + "; delete them first"),
                        "org",
                        asked.id());
        };
    }

    private Reply createProject(Inquiry asked) {
        Project made = tenants.createProject(
                asked.who(),
                asked.text("organization", Tenants.DEFAULT_ORGANIZATION),
                asked.text("name"),
                asked.texts("test_providers"),
                asked.texts("regions"));
        return noted(201, made.json(), made.regions(), made.testProviders());
    }

    private Reply changeProject(Inquiry asked) {
        Project changed = tenants.changeProject(
                asked.who(),
                asked.id(),
                asked.textOrNull("name"),
                asked.has("test_providers") ? asked.texts("test_providers") : null,
                asked.has("regions") ? asked.texts("regions") : null);
        return changed == null
                ? project(null, asked)
                : noted(200, changed.json(), changed.regions(), changed.testProviders());
    }

    private Reply projectBecomes(Inquiry asked, TenantState state) {
        return project(tenants.projectBecomes(asked.who(), asked.id(), state), asked);
    }

    private Reply deleteProject(Inquiry asked) {
        Project project = tenants.project(asked.id());
        if (project == null) {
            return project(null, asked);
        }
        String money = tenancy.moneyOn(project.id());
        if (money != null) {
            return inUse("Project " + project.name() + " has money on it: " + money, "project", asked.id());
        }
        return switch (tenants.deleteProject(asked.who(), project.id())) {
            case DONE -> deleted(project.id());
            case UNKNOWN -> project(null, asked);
            case IN_USE ->
                inUse(
                        "Project " + project.name()
                                + (project.id().equals(Tenants.DEFAULT_PROJECT_ID)
                                        ? " is the one that every database starts with"
                                        : " has " + counted(project.keys(), "key")
                                                + " not revoked yet; revoke them first"),
                        "project",
                        asked.id());
        };
    }

    private static String counted(int count, String what) {
        return count + " " + what + (count == 1 ? "" : "s");
    }

    private static Reply deleted(String id) {
        return Reply.json(200, Json.object().put("object", "deleted").put("id", id));
    }

    private static Reply inUse(String why, String command, String id) {
        return Reply.error(
                409,
                why + ". It can't be deleted; close it instead, which refuses its keys at once and can be undone:"
                        + " 'lockkeeper " + command + " close " + id + "'.");
    }

    private static Reply organization(@Nullable Organization organization, Inquiry asked) {
        return organization == null
                ? Reply.error(404, "There is no organization " + asked.id() + ". 'lockkeeper org list' shows them.")
                : Reply.json(200, organization.json());
    }

    private static Reply project(@Nullable Project project, Inquiry asked) {
        return project == null ? Named.noProject(asked.id()) : Reply.json(200, project.json());
    }
}
