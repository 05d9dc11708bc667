# SPDX-License-Identifier: MIT
"""Drive v3's resources: which members each has (after the public discovery document).

`name` is a value, `name:Type` another resource (or a list of them), `name{...}` an object with
exactly those members, `name%` a map with free keys.
"""

RESOURCES = {
    "About": """
        appInstalled canCreateDrives canCreateTeamDrives driveThemes{backgroundImageLink
        colorRgb id} exportFormats% folderColorPalette importFormats% kind maxImportSizes%
        maxUploadSize storageQuota{limit usage usageInDrive usageInDriveTrash}
        teamDriveThemes{backgroundImageLink colorRgb id} user:User
        """,
    "Change": """
        changeType drive:Drive driveId file:File fileId kind removed teamDrive:TeamDrive
        teamDriveId time type
        """,
    "ChangeList": """
        changes:Change kind newStartPageToken nextPageToken
        """,
    "ClientEncryptionDetails": """
        decryptionMetadata:DecryptionMetadata encryptionState
        """,
    "ContentRestriction": """
        ownerRestricted readOnly reason restrictingUser:User restrictionTime
        systemRestricted type
        """,
    "DecryptionMetadata": """
        aes256GcmChunkSize encryptionResourceKeyHash jwt kaclsId kaclsName keyFormat wrappedKey
        """,
    "DownloadRestriction": """
        restrictedForReaders restrictedForWriters
        """,
    "DownloadRestrictionsMetadata": """
        effectiveDownloadRestrictionWithContext:DownloadRestriction
        itemDownloadRestriction:DownloadRestriction
        """,
    "Drive": """
        backgroundImageFile{id width xCoordinate yCoordinate} backgroundImageLink
        capabilities{canAddChildren canChangeCopyRequiresWriterPermissionRestriction
        canChangeDomainUsersOnlyRestriction canChangeDownloadRestriction
        canChangeDriveBackground canChangeDriveMembersOnlyRestriction
        canChangeSharingFoldersRequiresOrganizerPermissionRestriction canComment canCopy
        canDeleteChildren canDeleteDrive canDownload canEdit canListChildren
        canManageMembers canReadRevisions canRename canRenameDrive canResetDriveRestrictions
        canShare canTrashChildren} colorRgb createdTime hidden id kind name orgUnitId
        restrictions{adminManagedRestrictions copyRequiresWriterPermission domainUsersOnly
        downloadRestriction:DownloadRestriction driveMembersOnly
        sharingFoldersRequiresOrganizerPermission} themeId
        """,
    "DriveList": """
        drives:Drive kind nextPageToken
        """,
    "File": """
        appProperties% capabilities{canAcceptOwnership canAccessViaGenAi canAddChildren
        canAddFolderFromAnotherDrive canAddMyDriveParent
        canChangeCopyRequiresWriterPermission canChangeItemDownloadRestriction
        canChangeSecurityUpdateEnabled canChangeViewersCanCopyContent canComment canCopy
        canDelete canDeleteChildren canDisableInheritedPermissions canDownload canEdit
        canEnableInheritedPermissions canListChildren canModifyContent
        canModifyContentRestriction canModifyEditorContentRestriction canModifyLabels
        canModifyOwnerContentRestriction canMoveChildrenOutOfDrive
        canMoveChildrenOutOfTeamDrive canMoveChildrenWithinDrive
        canMoveChildrenWithinTeamDrive canMoveItemIntoTeamDrive canMoveItemOutOfDrive
        canMoveItemOutOfTeamDrive canMoveItemWithinDrive canMoveItemWithinTeamDrive
        canMoveTeamDriveItem canReadDrive canReadLabels canReadRevisions canReadTeamDrive
        canRemoveChildren canRemoveContentRestriction canRemoveMyDriveParent canRename
        canShare canStartApproval canTrash canTrashChildren canUntrash}
        clientEncryptionDetails:ClientEncryptionDetails contentHints{indexableText
        thumbnail{image mimeType}} contentRestrictions:ContentRestriction
        copyRequiresWriterPermission createdTime description
        downloadRestrictions:DownloadRestrictionsMetadata driveId explicitlyTrashed
        exportLinks% fileExtension folderColorRgb fullFileExtension hasAugmentedPermissions
        hasThumbnail headRevisionId iconLink id imageMediaMetadata{aperture cameraMake
        cameraModel colorSpace exposureBias exposureMode exposureTime flashUsed focalLength
        height isoSpeed lens location{altitude latitude longitude} maxApertureValue
        meteringMode rotation sensor subjectDistance time whiteBalance width}
        inheritedPermissionsDisabled isAppAuthorized kind labelInfo{labels:Label}
        lastModifyingUser:User linkShareMetadata{securityUpdateEligible
        securityUpdateEnabled} md5Checksum mimeType modifiedByMe modifiedByMeTime
        modifiedTime name originalFilename ownedByMe owners:User parents permissionIds
        permissions:Permission properties% quotaBytesUsed resourceKey sha1Checksum
        sha256Checksum shared sharedWithMeTime sharingUser:User shortcutDetails{targetId
        targetMimeType targetResourceKey} size spaces starred teamDriveId thumbnailLink
        thumbnailVersion trashed trashedTime trashingUser:User version
        videoMediaMetadata{durationMillis height width} viewedByMe viewedByMeTime
        viewersCanCopyContent webContentLink webViewLink writersCanShare
        """,
    "FileList": """
        files:File incompleteSearch kind nextPageToken
        """,
    "GeneratedIds": """
        ids kind space
        """,
    "Label": """
        fields% id kind revisionId
        """,
    "Permission": """
        allowFileDiscovery deleted displayName domain emailAddress expirationTime id
        inheritedPermissionsDisabled kind pendingOwner permissionDetails{inherited
        inheritedFrom permissionType role} photoLink role
        teamDrivePermissionDetails{inherited inheritedFrom role teamDrivePermissionType}
        type view
        """,
    "PermissionList": """
        kind nextPageToken permissions:Permission
        """,
    "Revision": """
        exportLinks% id keepForever kind lastModifyingUser:User md5Checksum mimeType
        modifiedTime originalFilename publishAuto published publishedLink
        publishedOutsideDomain size
        """,
    "RevisionList": """
        kind nextPageToken revisions:Revision
        """,
    "StartPageToken": """
        kind startPageToken
        """,
    "TeamDrive": """
        backgroundImageFile{id width xCoordinate yCoordinate} backgroundImageLink
        capabilities{canAddChildren canChangeCopyRequiresWriterPermissionRestriction
        canChangeDomainUsersOnlyRestriction canChangeDownloadRestriction
        canChangeSharingFoldersRequiresOrganizerPermissionRestriction
        canChangeTeamDriveBackground canChangeTeamMembersOnlyRestriction canComment canCopy
        canDeleteChildren canDeleteTeamDrive canDownload canEdit canListChildren
        canManageMembers canReadRevisions canRemoveChildren canRename canRenameTeamDrive
        canResetTeamDriveRestrictions canShare canTrashChildren} colorRgb createdTime id
        kind name orgUnitId restrictions{adminManagedRestrictions
        copyRequiresWriterPermission domainUsersOnly downloadRestriction:DownloadRestriction
        sharingFoldersRequiresOrganizerPermission teamMembersOnly} themeId
        """,
    "User": """
        displayName emailAddress kind me permissionId photoLink
        """,
}

# The resource in each method's answer: what its fields mask is checked against.
ANSWERS = {
    "about.get": "About", "changes.getStartPageToken": "StartPageToken",
    "changes.list": "ChangeList", "drives.create": "Drive", "drives.get": "Drive",
    "drives.list": "DriveList", "drives.update": "Drive", "files.copy": "File",
    "files.create": "File", "files.generateIds": "GeneratedIds", "files.get": "File",
    "files.list": "FileList", "files.update": "File", "permissions.create": "Permission",
    "permissions.get": "Permission", "permissions.list": "PermissionList",
    "permissions.update": "Permission", "revisions.get": "Revision",
    "revisions.list": "RevisionList", "revisions.update": "Revision",
}

# Query parameters that a method cannot do without.
REQUIRED = {"changes.list": "pageToken", "drives.create": "requestId", "files.export": "mimeType"}

# Query parameters of every method.
GLOBAL = """
    $.xgafv access_token alt callback fields key oauth_token prettyPrint quotaUser
    uploadType upload_id upload_protocol userIp
    """.split()

# Query parameters by method: name, or name=int / name=bool where the type is checked.
PARAMETERS = {
    "about.get": "",
    "changes.getStartPageToken": """
        driveId supportsAllDrives=bool supportsTeamDrives=bool teamDriveId
        """,
    "changes.list": """
        driveId includeCorpusRemovals=bool includeItemsFromAllDrives=bool includeLabels
        includePermissionsForView includeRemoved=bool includeTeamDriveItems=bool
        pageSize=int pageToken restrictToMyDrive=bool spaces supportsAllDrives=bool
        supportsTeamDrives=bool teamDriveId
        """,
    "drives.create": """
        requestId
        """,
    "drives.delete": """
        allowItemDeletion=bool useDomainAdminAccess=bool
        """,
    "drives.get": """
        useDomainAdminAccess=bool
        """,
    "drives.list": """
        pageSize=int pageToken q useDomainAdminAccess=bool
        """,
    "drives.update": """
        useDomainAdminAccess=bool
        """,
    "files.copy": """
        copyComments=bool enforceSingleParent=bool ignoreDefaultVisibility=bool includeLabels
        includePermissionsForView keepRevisionForever=bool ocrLanguage
        supportsAllDrives=bool supportsTeamDrives=bool
        """,
    "files.create": """
        enforceSingleParent=bool ignoreDefaultVisibility=bool includeLabels
        includePermissionsForView keepRevisionForever=bool ocrLanguage
        supportsAllDrives=bool supportsTeamDrives=bool useContentAsIndexableText=bool
        """,
    "files.delete": """
        enforceSingleParent=bool supportsAllDrives=bool supportsTeamDrives=bool
        """,
    "files.emptyTrash": """
        driveId enforceSingleParent=bool
        """,
    "files.export": """
        mimeType
        """,
    "files.generateIds": """
        count=int space type
        """,
    "files.get": """
        acknowledgeAbuse=bool includeLabels includePermissionsForView supportsAllDrives=bool
        supportsTeamDrives=bool
        """,
    "files.list": """
        corpora corpus driveId includeItemsFromAllDrives=bool includeLabels
        includePermissionsForView includeTeamDriveItems=bool orderBy pageSize=int pageToken
        q spaces supportsAllDrives=bool supportsTeamDrives=bool teamDriveId
        """,
    "files.update": """
        addParents enforceSingleParent=bool includeLabels includePermissionsForView
        keepRevisionForever=bool ocrLanguage removeParents supportsAllDrives=bool
        supportsTeamDrives=bool useContentAsIndexableText=bool
        """,
    "permissions.create": """
        emailMessage enforceExpansiveAccess=bool enforceSingleParent=bool
        moveToNewOwnersRoot=bool sendNotificationEmail=bool supportsAllDrives=bool
        supportsTeamDrives=bool transferOwnership=bool useDomainAdminAccess=bool
        """,
    "permissions.delete": """
        enforceExpansiveAccess=bool supportsAllDrives=bool supportsTeamDrives=bool
        useDomainAdminAccess=bool
        """,
    "permissions.get": """
        supportsAllDrives=bool supportsTeamDrives=bool useDomainAdminAccess=bool
        """,
    "permissions.list": """
        includePermissionsForView pageSize=int pageToken supportsAllDrives=bool
        supportsTeamDrives=bool useDomainAdminAccess=bool
        """,
    "permissions.update": """
        enforceExpansiveAccess=bool removeExpiration=bool supportsAllDrives=bool
        supportsTeamDrives=bool transferOwnership=bool useDomainAdminAccess=bool
        """,
    "revisions.delete": "",
    "revisions.get": """
        acknowledgeAbuse=bool
        """,
    "revisions.list": """
        pageSize=int pageToken
        """,
    "revisions.update": "",
}
